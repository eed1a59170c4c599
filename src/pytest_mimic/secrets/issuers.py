"""The forms of keys by which their issuers make them known.

The table follows two lists that are kept for this, detect-secrets 1.5.0 (Apache 2.0,
May 2024) and the preset of secretlint 12.0.0 (MIT), and where these have nothing the
documentation of the issuer. No code is taken from them.
"""

from __future__ import annotations

FORMS = r"""
    A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}                Amazon
    AIza[A]{35}                                     Google
    GOCSPX-[A]{28}                                  Google OAuth
    ya29\.[A]{20,}                                  Google OAuth
    gh[pousr]_[A]{36,}                              GitHub
    github_pat_[A]{40,}                             GitHub
    gl(?:pat|dt|ft|soat|rt|ptt|imt|agent|oas)-[A]{20,}  GitLab
    glcbt-[A]{20,}                                  GitLab
    xox[abeoprs]-[A]{20,}                           Slack
    xapp-[A]{20,}                                   Slack
    hooks\.slack\.com[/]services[/][\w/%-]{20,}     Slack
    [rs]k_(?:live|test)_[A]{20,}                    Stripe
    sq0(?:csp|atp)-[A]{22,}                         Square
    SK[0-9a-f]{32}                                  Twilio
    SG\.[A]{22}\.[A]{43}                            SendGrid
    xkeysib-[0-9a-f]{64}-[A]{16}                    Brevo
    key-[0-9a-f]{32}                                Mailgun
    [0-9a-f]{32}-us[0-9]{1,2}                       Mailchimp
    sk-[W]{20}T3BlbkFJ[W]{20}                       OpenAI, older
    sk-(?:proj|ant|svcacct|admin|or)[A]{30,}        OpenAI, Anthropic, OpenRouter
    sk-[0-9a-f]{32}                                 DeepSeek
    sk-lf-[0-9a-f]{8}-[0-9a-f-]{27}                 Langfuse
    lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}        LangSmith
    gsk_[W]{52}                                     Groq
    xai-[W]{70,}                                    xAI
    pplx-[W]{40,}                                   Perplexity
    r8_[W]{37}                                      Replicate
    hf_[A]{34}                                      Hugging Face
    tvly-(?:dev-|prod-)?[W]{28,}                    Tavily
    pcsk_[A]{50,}                                   Pinecone
    fw_[W]{22,}                                     Fireworks
    tskey-[a-z]+-[A]{16,}                           Tailscale
    npm_[A]{36}                                     npm
    pypi-AgE[A]{50,}                                PyPI
    dckr_pat_[A]{27}                                Docker
    figd_[A]{40,}                                   Figma
    vc[piark]_[W]{24,}                              Vercel
    nfp_[W]{36,}                                    Netlify
    ops_eyJ[A]{40,}                                 1Password
    hv[sbr]\.[A]{24,}                               HashiCorp Vault
    dp\.(?:pt|st|ct|sa)\.(?:[a-z0-9_-]+\.)?[W]{40,}  Doppler
    ATATT3[\w=-]{100,}                              Atlassian
    lin_(?:api|oauth)_[W]{32,}                      Linear
    ntn_[0-9]{11}[W]{35}                            Notion
    secret_[W]{43}                                  Notion, older
    pat[W]{14}\.[0-9a-f]{64}                        Airtable
    gl(?:sa_[W]{32}_[0-9a-fA-F]{8}|c_eyJ[A]{40,})   Grafana
    sntry(?:u_[0-9a-f]{64}|s_eyJ[A]{40,})           Sentry
    NRAK-[A-Z0-9]{27}                               New Relic
    PMAK-[0-9a-f]{24}-[0-9a-f]{34}                  Postman
    HRKU-[A]{30,}                                   Heroku
    do[opr]_v1_[0-9a-f]{64}                         DigitalOcean
    pscale_(?:tkn|pw|oauth)_[A]{32,}                PlanetScale
    sb(?:p_[0-9a-f]{40}|_secret_[A]{20,})           Supabase
    shp(?:at|ca|pa|ss)_[0-9a-f]{32}                 Shopify
    dapi[0-9a-f]{32}                                Databricks
    AccountKey[=][\w+/=%]{88,}                      Azure Storage
    (?:bot)?[0-9]{8,10}[:]AA[A]{33}                 Telegram, in its addresses, too
    [MNO][A]{23,27}\.[A]{6}\.[A]{27,38}             Discord
    discord(?:app)?\.com[/]api[/]webhooks[/][0-9]{17,20}[/][A]{60,}  Discord, hook
    AGE-SECRET-KEY-1[A-Z0-9]{58}                    age
    eyJ[A]{8,}\.[A]{4,}\.[A]{8,}                    JSON Web Token
"""
# What the forms write for a letter of ASCII, a digit, `-` or `_`; for a letter or a
# digit; and for signs that a URL, or a URL in a URL, may hold as `%2F` or `%252F`.
_SHORT = {
    "[A]": r"[\w-]",
    "[W]": "[A-Za-z0-9]",
    "[/]": "(?:/|%(?:25)?2F)",
    "[:]": "(?::|%(?:25)?3A)",
    "[=]": "(?:=|%(?:25)?3D)",
}


def forms() -> list[str]:
    """Return the pattern of each form."""
    rows = [line.split("  ")[0] for line in FORMS.strip().split("\n    ")]
    for short, written in _SHORT.items():
        rows = [row.replace(short, written) for row in rows]
    return [row.strip() for row in rows]


def pattern() -> str:
    """Return one pattern for all forms."""
    return "|".join(forms())
