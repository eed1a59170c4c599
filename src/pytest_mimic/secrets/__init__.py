"""Secrets: which names and texts are secret, and what stands in their place.

In: plain data of a request or an answer. Out: the same with placeholders, and for a
later request the placeholder of the token that it sends back.

`names.SecretNames` judges a name, `keys` and `issuers` a text by its look,
`redactor.Redactor` walks over data, `issued.Secrets` knows the tokens of a run, in
`placeholders` and in the `forms` in which they come back.

It imports values and entries of the vault, and no client.
"""
