"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const text = (number) => data.texts[number];
  const KINDS = [["missing", "✕"], ["drifted", "≠"], ["recorded", "●"], ["verified", "✓"], ["replayed", "↺"], ["unused", "○"]];
  const SIGNS = Object.fromEntries(KINDS);
  const HEIGHT = 28, STEPS = 150;
  const calls = data.calls.map((row, index) => ({
    index, kind: row[0], group: text(row[1]), label: text(row[2]), target: text(row[3]), at: row[4], seconds: row[5],
    brief: text(row[6]), outcome: row[7], arguments: row[8], more: row[9],
  }));
  const byId = (id) => document.getElementById(id);
  const list = byId("list"), space = byId("space"), pane = byId("window"), detail = byId("detail"), search = byId("search");

  // Every text of the data reaches the page through here: as a text node, never as HTML.
  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }
  const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  function seconds(amount) {
    if (!amount) return "";
    if (amount >= 1) return `${amount.toFixed(1)} s`;
    return amount >= 0.001 ? `${Math.round(amount * 1000)} ms` : "< 1 ms";
  }
  const kindOf = (kind) => make("span", { class: `kind ${kind}`, "data-sign": SIGNS[kind] || "·" }, kind);

  // ---- what is shown

  const state = { query: "", kinds: new Set(), target: "", by: "test", folded: new Set(), chosen: null };
  let lines = [], ordered = new Map();
  const lowered = new Map();
  function lower(number) {
    if (!lowered.has(number)) lowered.set(number, text(number).toLowerCase());
    return lowered.get(number);
  }
  const heads = calls.map((call) => `${call.kind}\n${call.label}\n${call.group}\n${call.more.name || ""}\n${(call.more.problem || []).join("\n")}`.toLowerCase());
  function matches(call, words, kinds = true) {
    if (kinds && state.kinds.size && !state.kinds.has(call.kind)) return false;
    if (state.target && call.target !== state.target) return false;
    return words.every((word) => heads[call.index].includes(word) || lower(call.outcome).includes(word)
      || call.arguments.some(([name, number]) => name.toLowerCase().includes(word) || lower(number).includes(word)));
  }
  function groupOf(call) {
    if (call.kind === "unused") return "unused recordings";
    if (state.by === "target") return call.target;
    return call.group || "outside of tests";
  }
  function refresh() {
    const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
    const found = calls.filter((call) => matches(call, words));
    ordered = new Map();
    for (const call of found) {
      const name = groupOf(call);
      if (!ordered.has(name)) ordered.set(name, []);
      ordered.get(name).push(call);
    }
    ordered = new Map([...ordered].sort(([one, ours], [other, theirs]) => rank(one, ours) - rank(other, theirs)));
    for (const members of ordered.values()) arrange(members);
    lines = [];
    for (const [name, members] of ordered) {
      lines.push({ group: name, members });
      if (!state.folded.has(name)) for (const call of members) lines.push({ call });
    }
    space.style.height = `${lines.length * HEIGHT}px`;
    byId("shown").textContent = found.length === calls.length
      ? plural(calls.length, "call")
      : `${found.length.toLocaleString("en")} of ${calls.length.toLocaleString("en")}`;
    if (state.chosen !== null && !lines.some(isChosen)) state.chosen = null;
    draw();
  }
  const isProblem = (call) => call.kind === "missing" || call.kind === "drifted";
  // Failed tests come first, then other groups with a problem; what is unused comes last.
  const rank = (name, members) => members[0].kind === "unused" ? 3 : data.tests[name] === "failed" ? 0 : members.some(isProblem) ? 1 : 2;
  // Places the bars of a group: real calls when they were made, replayed ones as long as the real calls took, in turn.
  function arrange(members) {
    const isOrdered = state.by === "test" && members[0].kind !== "unused", isReal = isOrdered && members.every((call) => call.kind !== "replayed");
    members.sort((one, other) => one.at - other.at);
    const first = members[0].at;
    let cursor = 0;
    for (const call of members) {
      call.start = isReal ? Math.max(0, call.at - first) : isOrdered ? cursor : 0;
      cursor += call.seconds;
    }
    members.total = members.reduce((most, call) => Math.max(most, call.start + call.seconds), 0);
    for (const call of members) call.scale = members.total;
  }
  const keyOf = (line) => line.call ? `c${line.call.index}` : `g${line.group}`;
  const isChosen = (line) => keyOf(line) === state.chosen;
  let drawn = "";
  function draw(force = true) {
    const first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 12);
    const last = Math.min(lines.length, Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + 12);
    const now = `${first} ${last}`;
    if (!force && now === drawn) return;
    drawn = now;
    const rows = [];
    for (let at = first; at < last; at++) rows.push(rowOf(lines[at], at));
    pane.style.transform = `translateY(${first * HEIGHT}px)`;
    pane.replaceChildren(...(rows.length ? rows : [make("p", { class: "empty" }, calls.length ? "No call matches." : "No call was made.")]));
    const chosen = lines.findIndex(isChosen);
    if (chosen >= 0) list.setAttribute("aria-activedescendant", `row-${chosen}`);
    else list.removeAttribute("aria-activedescendant");
  }
  function rowOf(line, at) {
    const shared = { id: `row-${at}`, role: "option", "aria-selected": String(isChosen(line)), "aria-posinset": at + 1, "aria-setsize": lines.length };
    let row;
    if (line.call) {
      const call = line.call;
      const bar = make("span", { class: "bar" });
      if (call.scale > 0 && call.seconds > 0) {
        const stroke = make("i");
        stroke.style.left = `${Math.min(98, 100 * call.start / call.scale)}%`;
        stroke.style.width = `${100 * call.seconds / call.scale}%`;
        bar.append(stroke);
      }
      row = make("div", { ...shared, class: `row ${call.kind}` }, kindOf(call.kind), make("span", { class: "label", title: call.label }, call.label),
        make("span", { class: "brief" }, call.brief), make("span", { class: "time" }, seconds(call.seconds)), bar);
    } else {
      const outcome = state.by === "test" ? data.tests[line.group] : null;
      row = make("div", { ...shared, class: "group", "aria-expanded": String(!state.folded.has(line.group)) },
        make("span", { class: "fold", "aria-hidden": "true" }, state.folded.has(line.group) ? "▸" : "▾"),
        make("span", { class: "name", title: line.group }, line.group),
        outcome ? make("span", { class: outcome }, outcome) : null,
        make("span", { class: "count" }, countsOf(line.members)));
    }
    row.addEventListener("click", () => {
      if (line.group !== undefined && isChosen(line)) fold(line.group, !state.folded.has(line.group));
      choose(line);
    });
    return row;
  }
  function countsOf(members) {
    const counts = new Map();
    for (const call of members) counts.set(call.kind, (counts.get(call.kind) || 0) + 1);
    const spent = members.reduce((sum, call) => sum + call.seconds, 0);
    return [...[...counts].map(([kind, count]) => `${count.toLocaleString("en")} ${kind}`), seconds(spent)].filter(Boolean).join(", ");
  }
  function fold(name, isFolded) {
    if (isFolded) state.folded.add(name); else state.folded.delete(name);
    refresh();
  }
  function choose(line, reveal = false) {
    state.chosen = keyOf(line);
    if (reveal) {
      const top = lines.findIndex(isChosen) * HEIGHT;
      if (top < list.scrollTop) list.scrollTop = top;
      else if (top + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + HEIGHT - list.clientHeight;
    }
    draw();
    try { history.replaceState(null, "", `#${addressOf(line)}`); } catch { /* not allowed for this file */ }
    detail.replaceChildren(...(line.call ? ofCall(line.call) : ofGroup(line)));
    detail.scrollTop = 0;
  }
  // A call is addressed by its place in the data, a group by its name, so that a link leads to either.
  const addressOf = (line) => line.call ? `call-${line.call.index + 1}` : encodeURIComponent(line.group);
  function goToAddress() {
    let name = location.hash.slice(1);
    const call = calls[(/^call-(\d+)$/.exec(name) || [])[1] - 1];
    if (call) chooseCall(call);
    try { name = decodeURIComponent(name); } catch { /* not an address of this page */ }
    const line = call ? null : lines.find((one) => one.group === name);
    if (line) choose(line, true);
    return Boolean(call || line);
  }
  function step(by, wanted = () => true) {
    let at = lines.findIndex(isChosen);
    if (at < 0) at = by > 0 ? -1 : lines.length;
    const size = Math.abs(by), direction = Math.sign(by);
    let next = size > 1 ? Math.min(lines.length - 1, Math.max(0, at + by)) : at + direction;
    while (next >= 0 && next < lines.length && !wanted(lines[next])) next += direction;
    if (next >= 0 && next < lines.length) choose(lines[next], true);
  }

  // ---- details

  function ofCall(call) {
    const more = call.more, facts = [kindOf(call.kind)];
    if (call.seconds) facts.push(make("span", {}, call.kind === "replayed" ? `${seconds(call.seconds)} saved` : seconds(call.seconds)));
    if (more.recorded) facts.push(make("span", {}, `recorded on ${more.recorded}`));
    const test = call.group;
    if (test) facts.push(make("span", {}, test), placeOf(test));
    if (more.note) facts.push(make("span", {}, more.note));
    const parts = [make("h2", {}, call.label, copier(() => location.href, "link")), make("div", { class: "facts" }, ...facts.filter(Boolean))];
    if (more.problem) {
      parts.push(make("div", { class: `problem ${call.kind}` }, make("pre", {}, more.problem.join("\n")),
        ...(more.remedies || []).map((remedy) => make("code", { class: "remedy dim" }, ...withCopier(remedy)))));
    }
    if (more.diff) parts.push(make("h3", {}, "Recorded and now"), diffOf(more.diff));
    if (call.arguments.length) {
      const names = make("dl", { class: "names" });
      for (const [name, number] of call.arguments) names.append(make("dt", {}, name), make("dd", {}, make("pre", {}, text(number))));
      parts.push(folded(call.target === more.client ? "Request" : "Arguments", names));
    }
    const outcome = text(call.outcome);
    if (outcome) parts.push(folded("Outcome", make("pre", { class: "text" }, outcome)));
    if (more.name) parts.push(make("h3", {}, "File"), make("code", {}, more.name));
    return parts;
  }
  // The file and line of a test: a link for as long as the page lies where it was written, and a text for an editor.
  function placeOf(test) {
    const [place, address] = data.places[test] || [];
    return place ? make("span", {}, address ? make("a", { href: address, target: "_blank", rel: "noopener" }, place) : place, copier(() => place, "place")) : null;
  }
  // What is to be pasted follows the first colon and blank: `to record it: pytest --mimic-record`.
  function withCopier(line) {
    const command = line.slice(line.indexOf(": ") + 2);
    return command.length < line.length && line.includes(": ") ? [line, copier(() => command, "command")] : [line];
  }
  function copier(textOf, what) {
    const sign = what === "link" ? "copy link" : "copy";
    const button = make("button", { type: "button", class: "copy", title: `Copy the ${what}`, "aria-label": `Copy the ${what}`, "data-sign": sign });
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(textOf()); } catch { // not allowed for this file
        const field = make("textarea", { class: "unseen" });
        field.value = textOf();
        document.body.append(field);
        field.select();
        document.execCommand("copy");
        field.remove();
      }
      button.dataset.sign = "copied";
      setTimeout(() => { button.dataset.sign = sign; }, 1200);
    });
    return button;
  }
  function folded(title, content) {
    return make("details", { class: "fold", open: "" }, make("summary", {}, title), content);
  }
  function diffOf(rows) {
    const table = make("table", { class: "diff" }, make("tr", {}, make("th", { scope: "col" }, "recorded"), make("th", { scope: "col" }, "now")));
    for (const [mark, left, right] of rows) {
      const [old, now] = mark === "~" ? words(text(left), text(right)) : [[text(left)], [text(right)]];
      table.append(make("tr", {}, make("td", { class: mark === "+" ? null : "old" }, ...old), make("td", { class: mark === "-" ? null : "new" }, ...now)));
    }
    return table;
  }
  // Marks what lies between the common beginning and the common end of two lines.
  function words(old, now) {
    let start = 0, end = 0;
    while (start < old.length && start < now.length && old[start] === now[start]) start++;
    while (end < old.length - start && end < now.length - start && old[old.length - 1 - end] === now[now.length - 1 - end]) end++;
    const split = (line) => [line.slice(0, start), make("b", {}, line.slice(start, line.length - end)), line.slice(line.length - end)];
    return [split(old), split(now)];
  }
  function ofGroup(line) {
    const outcome = data.tests[line.group];
    const parts = [make("h2", {}, line.group, copier(() => location.href, "link")), make("div", { class: "facts" }, outcome ? make("span", { class: outcome }, outcome) : null, make("span", {}, countsOf(line.members)), placeOf(line.group))];
    const shown = line.members.slice(0, STEPS), more = line.members.length - shown.length;
    parts.push(make("h3", {}, "Calls in order"), make("ul", { class: "links" }, ...shown.map((call) => {
      const link = make("button", { type: "button" }, call.label);
      link.addEventListener("click", () => chooseCall(call));
      return make("li", {}, link);
    })), more > 0 ? make("p", { class: "dim" }, `and ${more.toLocaleString("en")} more`) : null);
    return parts.filter(Boolean);
  }
  function chooseCall(call) {
    if (state.folded.has(groupOf(call))) fold(groupOf(call), false);
    choose({ call }, true);
  }

  // ---- tools

  function fillTools() {
    byId("heading").textContent = data.heading;
    byId("made").textContent = data.made;
    document.title = `${data.heading} – pytest-mimic`;
    for (const [kind, sign] of KINDS) {
      const count = calls.filter((call) => call.kind === kind).length;
      if (!count) continue;
      const button = make("button", { type: "button", "aria-pressed": "false" }, make("span", { class: `kind ${kind}`, "data-sign": sign }, kind), String(count.toLocaleString("en")));
      button.addEventListener("click", () => {
        if (state.kinds.has(kind)) state.kinds.delete(kind); else state.kinds.add(kind);
        button.setAttribute("aria-pressed", String(state.kinds.has(kind)));
        refresh();
      });
      byId("kinds").append(button);
    }
    const targets = [...new Set(calls.map((call) => call.target))].sort();
    byId("target").append(make("option", { value: "" }, "all targets"), ...targets.map((name) => make("option", { value: name }, name)));
    byId("target").addEventListener("change", (event) => { state.target = event.target.value; list.scrollTop = 0; refresh(); });
    byId("group").addEventListener("change", (event) => { state.by = event.target.value; state.folded.clear(); list.scrollTop = 0; refresh(); });
    byId("notes").hidden = !data.notes.length;
    byId("notes").querySelector("pre").append(...data.notes.flatMap((line) => [...(/: (pytest|python|git) ?/.test(line) ? withCopier(line) : [line]), "\n"]));
    fillTotals();
    let timer;
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => { state.query = search.value; list.scrollTop = 0; refresh(); }, 60);
    });
    list.addEventListener("scroll", () => draw(false), { passive: true });
    window.addEventListener("resize", () => draw());
    byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
    byId("help-button").addEventListener("click", () => byId("help").showModal());
  }
  function fillTotals() {
    const saved = calls.reduce((sum, call) => sum + (call.kind === "replayed" ? call.seconds : 0), 0), spent = new Map();
    for (const call of calls) spent.set(call.target, (spent.get(call.target) || 0) + call.seconds);
    const link = (name, action) => {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", action);
      return button;
    };
    const total = (name, ...parts) => parts.length && byId("totals").append(make("span", {}, `${name} `, ...parts));
    if (saved) total("saved", make("b", {}, seconds(saved)), data.tokens ? make("b", {}, `, ${data.tokens.toLocaleString("en")} tokens`) : "");
    const dated = calls.filter((call) => call.more.recorded);
    if (dated.length) {
      const oldest = dated.reduce((one, other) => other.more.recorded < one.more.recorded ? other : one);
      total("oldest recording", link(oldest.more.recorded, () => chooseCall(oldest)));
    }
    const slowest = [...spent].filter(([, amount]) => amount >= 0.001).sort((one, other) => other[1] - one[1]).slice(0, 3);
    total("slowest", ...slowest.map(([name, amount]) => link(`${name} ${seconds(amount)}`, () => {
      byId("target").value = name;
      byId("target").dispatchEvent(new Event("change"));
    })));
  }
  function setTheme(theme, keep = true) {
    document.documentElement.dataset.theme = theme;
    try { if (keep) localStorage.setItem("pytest-mimic-theme", theme); } catch { /* not allowed for this file */ }
  }
  function startTheme() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let kept = null;
    try { kept = localStorage.getItem("pytest-mimic-theme"); } catch { /* not allowed for this file */ }
    setTheme(kept === "dark" || kept === "light" ? kept : dark.matches ? "dark" : "light", false);
    if (!kept) dark.addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light", false));
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const key = event.key, isTyping = event.target === search;
    if (key === "Escape") {
      if (isTyping && search.value) { search.value = ""; state.query = ""; refresh(); } else list.focus();
      return;
    }
    if (isTyping && (key === "Enter" || key === "ArrowDown")) { list.focus(); step(1); event.preventDefault(); return; }
    if (isTyping || event.target.tagName === "SELECT") return;
    const inList = event.target === list || event.target === document.body;
    const chosen = lines.find(isChosen), page = Math.max(2, Math.floor(list.clientHeight / HEIGHT) - 1);
    const hasProblem = (line) => line.call && isProblem(line.call);
    const actions = {
      "/": () => search.focus(), "?": () => byId("help").showModal(),
      t: () => byId("theme").click(), j: () => step(1), k: () => step(-1), n: () => step(1, hasProblem), p: () => step(-1, hasProblem),
    };
    if (inList) Object.assign(actions, {
      ArrowDown: () => step(1), ArrowUp: () => step(-1), PageDown: () => step(page), PageUp: () => step(-page),
      Home: () => lines.length && choose(lines[0], true), End: () => lines.length && choose(lines[lines.length - 1], true),
      ArrowLeft: () => {
        if (!chosen) return;
        const name = chosen.call ? groupOf(chosen.call) : chosen.group;
        fold(name, true);
        choose(lines.find((line) => line.group === name), true);
      },
      ArrowRight: () => chosen && chosen.group !== undefined && fold(chosen.group, false),
      Enter: () => {
        if (chosen && chosen.group !== undefined) fold(chosen.group, !state.folded.has(chosen.group));
        else if (chosen) detail.focus();
      },
    });
    if (actions[key]) { actions[key](); event.preventDefault(); }
  });

  startTheme();
  fillTools();
  refresh();
  if (!goToAddress() && lines.length) choose(lines.find((line) => line.call && isProblem(line.call)) || lines[0], true);
  window.addEventListener("hashchange", goToAddress);
})();
