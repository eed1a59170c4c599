"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const buttons = [...document.querySelectorAll("#kinds button")];
  const tests = [...document.querySelectorAll(".test")].map((test) => ({
    test,
    name: test.querySelector(".name").textContent.toLowerCase(),
    calls: [...test.querySelectorAll(".call")],
  }));

  // The inside of all calls is parsed when it is first needed.
  let parsed;
  function data() {
    parsed ??= JSON.parse(document.getElementById("data").textContent);
    return parsed;
  }

  // -- texts

  // Control characters, and those that turn the direction of a text, are shown as codes.
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
  function visible(text) {
    return String(text).replace(
      HIDDEN, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
  }

  function make(tag, className, ...inner) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    for (const part of inner) {
      element.append(part instanceof Node ? part : visible(part));
    }
    return element;
  }

  // -- blocks: one function for each type that `blocks.py` names

  const DRAWN = {
    text: (block) => make("pre", block.style, block.text),
    fields: (block) => pairs(block.pairs),
    headers: (block) => pairs(block.pairs),
    json: (block) => make("div", "json", ...(flat(block.value) ?? [json(block.value, 2)])),
    chat: (block) => {
      const messages = block.messages.map(([role, text]) => {
        const message = make("div", "message", make("b", "", role), make("pre", "", text));
        if (/^\w+$/.test(role)) message.classList.add(role);
        return message;
      });
      return make("div", "chat", ...messages);
    },
    events: (block) => {
      const items = block.items.map((item) => json(item, 0));
      return make("div", "json", ...items);
    },
    table: (block) => {
      const head = block.columns.map(([name, type]) =>
        make("th", "", name, ...(type ? [make("small", "", type)] : [])));
      const rows = block.rows.map((row) =>
        make("tr", "", ...row.map((cell) => make("td", cellClass(cell), cell))));
      const table = make("table", "rows", make("tr", "", ...head), ...rows);
      const more = block.more > 0 ? [make("p", "dim", `${block.more} more`)] : [];
      return make("div", "scroll", table, ...more);
    },
    image: (block) => {
      const image = make("img");
      image.alt = visible(block.title);
      if (/^data:image\/(png|jpeg|gif|webp);base64,/.test(block.url)) image.src = block.url;
      return image;
    },
    diff: (block) => {
      const parts = block.parts.map(([path, old, now, fact]) => make("div", "part",
        ...(path ? [make("div", "path", path)] : []),
        ...(fact ? [make("pre", "fact", fact)] : []),
        ...side("\u2212", "old", "del", old), ...side("+", "new", "ins", now)));
      const more = block.more > 0 ? [make("p", "dim", `${block.more} more`)] : [];
      return make("div", "diff", ...parts, ...more);
    },
    commands: (block) => {
      const lines = block.lines.map((line) => {
        // `to record it: pytest ...`: what is copied is the command alone.
        const command = line.replace(/^[^:`]*: /, "");
        if (!/^https:\/\/\S+$/.test(command)) {
          return make("div", "", make("pre", "", line), copyButton(command));
        }
        const link = make("a", "", command);
        link.href = command;
        return make("div", "", make("pre", "", line.slice(0, -command.length), link));
      });
      return make("div", "commands", ...lines);
    },
  };
  const FOLDED = ["headers", "events"];
  const PROBLEMS = ["diff", "commands"];

  function drawn(block) {
    const content = DRAWN[block.type](block);
    if (FOLDED.includes(block.type) || block.folded) {
      return make("div", "block", make("details", "", make("summary", "", block.title), content));
    }
    const title = block.title ? [make("h3", "", block.title)] : [];
    return make("div", "block", ...title, content);
  }

  // A short cell is not broken, and numbers stand below each other.
  function cellClass(text) {
    const figure = /^-?[\d.]+(e[-+]?\d+)?$/.test(text) ? "figure" : "";
    return text.length <= 24 ? `short ${figure}` : "";
  }

  // One side of a difference: its sign, and its text, marked where the other has none.
  function side(sign, className, tag, spans) {
    if (!spans.length) return [];
    const texts = spans.map(([mark, text]) =>
      mark === " " ? visible(text) : make(tag, "", text));
    return [make("pre", className, make("span", "sign", sign), make("span", "", ...texts))];
  }

  function pairs(list) {
    const parts = list.flatMap(([name, text]) =>
      [make("dt", "", name), make("dd", "", make("pre", "", text))]);
    return make("dl", "", ...parts);
  }

  // A few names with plain values need no fold.
  function flat(value) {
    const entries = value !== null && typeof value === "object" ? Object.entries(value) : [];
    const isPlain = ([, part]) => part === null || typeof part !== "object";
    const isFlat = entries.length && entries.length <= 8 && entries.every(isPlain);
    if (!isFlat || Array.isArray(value)) return null;
    return entries.map(([key, part]) => json(part, 0, key));
  }

  // JSON as a tree: what is nested deeper than `open` levels is folded at first. The
  // `key` of a part stands before it.
  function json(value, open, key) {
    const name = key === undefined ? [] : [make("span", "key", JSON.stringify(key)), ": "];
    const isList = Array.isArray(value);
    const isNested = value !== null && typeof value === "object";
    const entries = isNested ? Object.entries(value) : [];
    const [first, last] = isList ? ["[", "]"] : ["{", "}"];
    if (!isNested || !entries.length) {
      const type = typeof value === "string" ? "string" : "number";
      const text = isNested ? first + last : JSON.stringify(value);
      return make("div", "entry", ...name, make("span", type, text));
    }
    const word = `${isList ? "item" : "key"}${entries.length > 1 ? "s" : ""}`;
    const facts = make("span", "dim", `${first} ${entries.length} ${word} ${last}`);
    const details = make("details", "", make("summary", "", ...name, facts));
    let isFilled = false;
    function fill() {
      if (isFilled || !details.open) return;
      isFilled = true;
      for (const [inner, part] of entries) {
        details.append(json(part, open - 1, isList ? undefined : inner));
      }
    }
    details.addEventListener("toggle", fill);
    details.open = open > 0;
    fill();
    return make("div", "entry nested", details);
  }

  // -- copying

  function copyButton(text, label = "copy") {
    const button = make("button", "copy", label);
    button.type = "button";
    button.title = "copy";
    button.addEventListener("click", async (event) => {
      event.preventDefault();
      await copy(text);
      button.textContent = "copied";
      setTimeout(() => { button.textContent = visible(label); }, 1500);
    });
    return button;
  }

  // The id of the test has its file already, unless it stands in another one.
  function placeButton(place, test) {
    const [, file, line] = place.match(/^(.*):(\d+)$/) ?? [];
    const name = test.querySelector(".name").textContent;
    const isShort = line && name.startsWith(`${file}::`);
    const button = copyButton(place, isShort ? `line ${line}` : place);
    button.title = `copy ${visible(place)}`;
    return button;
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A page from a file may have no clipboard.
      const area = make("textarea", "", "");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }

  // -- calls: drawn when they are opened

  function fillCall(call) {
    if (call.querySelector(".inside")) return;
    const inside = make("div", "inside", ...parts(data().calls[Number(call.dataset.call)]));
    const file = call.dataset.file && `${data().vault}/${call.dataset.file}`;
    const links = [];
    if (file) links.push(make("code", "", file), copyButton(file));
    links.push(linkButton(call.id));
    if (call.classList.contains("replayed")) {
      const { ms, took } = call.dataset;
      links.push(make("span", "", `${shownTime(Number(ms))} real, replayed in ${shownTime(Number(took))}`));
    }
    inside.append(make("div", "file", ...links));
    call.append(inside);
  }

  // What a problem says stands first, then the request, then the outcome: below it, or on
  // a wide screen beside it.
  function parts(blocks) {
    const isProblem = (block) => block.style === "error" || PROBLEMS.includes(block.type);
    const others = blocks.filter((block) => !isProblem(block));
    const begin = others.findIndex((block) => block.begins);
    const end = begin < 0 ? others.length : begin;
    const sides = [others.slice(0, end), others.slice(end)]
      .filter((list) => list.length)
      .map((list) => make("div", "side", ...list.map(drawn)));
    return [...blocks.filter(isProblem).map(drawn), make("div", "sides", ...sides)];
  }

  function linkButton(id) {
    const link = make("a", "link", "link to this call");
    link.href = `#${id}`;
    return link;
  }

  document.addEventListener("toggle", (event) => {
    if (event.target.open && event.target.classList.contains("call")) fillCall(event.target);
  }, true);

  // -- tests: folded but for those with a problem, each with its time line

  // In milliseconds.
  const SHORTEST = 5;
  // So many bars have no room for gaps, nor for a least width.
  const MANY = 150;
  const legend = document.getElementById("legend");

  function shownTime(length) {
    if (length < 1) return `${Number(length.toPrecision(2))} ms`;
    if (length < 1000) return `${Math.round(length)} ms`;
    return `${(length / 1000).toFixed(length < 10000 ? 2 : 1)} s`;
  }

  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

  // Two lanes of one scale: how long the real calls took, and below it, where calls were
  // replayed, how long the same calls took in this run. The axis stands below them.
  function drawLine(test) {
    const line = test.querySelector(".line");
    if (line.childElementCount) return;
    const calls = [...test.querySelectorAll(".call")].map((call) => {
      const kind = call.classList[1];
      const label = call.querySelector(".label").textContent;
      const real = Number(call.dataset.ms);
      const took = Number(call.dataset.took);
      const isSaved = kind === "replayed";
      const now = isSaved ? `, replayed in ${shownTime(took)}` : "";
      return { call, kind, real, took, isSaved, title: `${label}: ${shownTime(real)} real${now}` };
    });
    const real = sum(calls.map((each) => each.real));
    const took = sum(calls.map((each) => each.took));
    const hasReplays = calls.some((each) => each.isSaved);
    // A few milliseconds, or the bar of a single real call, would tell nothing.
    if (real < SHORTEST || (calls.length < 2 && !hasReplays)) return;
    const scale = Math.max(real, took);
    const realBars = calls.map((each) => bar(each, each.real / scale, each.isSaved));
    line.append(lane("real", real, realBars));
    if (hasReplays) {
      const bars = calls.map((each) => bar(each, each.took / scale, false));
      line.append(lane("this run", took, bars));
      legend.querySelector(".saved").hidden = false;
    }
    line.append(axis(scale));
    legend.querySelector(".real").hidden = false;
  }

  function lane(name, total, bars) {
    const row = make("div", bars.length > MANY ? "bars many" : "bars", ...bars);
    return make("div", "lane", make("span", "dim", name), row, make("span", "dim total", shownTime(total)));
  }

  const MOST_STEPS = 4;

  // The axis of a time line: a tick with its label at each round number of milliseconds.
  function axis(length) {
    const least = length / MOST_STEPS;
    const power = 10 ** Math.floor(Math.log10(least));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= least);
    const ticks = [];
    for (let number = 0; number * step <= length; number += 1) {
      const time = number * step;
      const tick = make("span", "tick", roundTime(time));
      tick.style.left = `${100 * time / length}%`;
      ticks.push(tick);
    }
    return make("div", "axis dim", make("div", "ticks", ...ticks));
  }

  // Sums of a step like 0.2 are not exact.
  function roundTime(length) {
    const [amount, unit] = length < 1000 ? [length, "ms"] : [length / 1000, "s"];
    return length ? `${Number(amount.toPrecision(3))} ${unit}` : "0";
  }

  // The bar of a call, hatched where its time was saved.
  function bar({ call, kind, title }, share, isSaved) {
    const button = make("button", isSaved ? `${kind} saved` : kind);
    button.type = "button";
    button.tabIndex = -1;
    button.style.flexBasis = `${100 * share}%`;
    button.title = visible(title);
    button.addEventListener("click", () => show(call));
    return button;
  }

  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      drawLine(entry.target);
      watcher.unobserve(entry.target);
    }
  });
  for (const { test } of tests) {
    watcher.observe(test);
    test.querySelector(".fold").addEventListener("click", () => test.classList.toggle("folded"));
    const place = test.querySelector(".place");
    if (place.textContent) place.replaceChildren(placeButton(place.textContent, test));
  }
  addEventListener("beforeprint", () => tests.forEach(({ test }) => drawLine(test)));

  const unfold = document.getElementById("unfold");
  unfold.addEventListener("click", () => {
    const isUnfolded = unfold.getAttribute("aria-pressed") !== "true";
    unfold.setAttribute("aria-pressed", String(isUnfolded));
    for (const { test } of tests) test.classList.toggle("folded", !isUnfolded);
  });
  // The commands of the summary.
  for (const note of document.querySelectorAll("p.note")) {
    const command = note.textContent.match(/^[^:]*: (pytest.*)$/);
    if (command) note.append(" ", copyButton(command[1]));
  }
  // Of a failed test only the calls with a problem are open.
  for (const call of document.querySelectorAll(".call.missing, .call.drifted")) {
    call.open = true;
  }

  // -- search and filters

  let texts;
  // All texts in a call, in lower case. The names and types of blocks count, too, which
  // is too little to matter.
  function callText(call) {
    texts ??= data().calls.map((blocks) => blocks.length ? JSON.stringify(blocks).toLowerCase() : "");
    return texts[Number(call.dataset.call)];
  }

  // The tests that were folded before a filter unfolded them. They fold again after it.
  let foldedBefore = null;

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = buttons
      .filter((button) => button.getAttribute("aria-pressed") === "true")
      .map((button) => button.value);
    const isFiltering = words.length > 0 || kinds.length > 0;
    if (isFiltering) {
      foldedBefore ??= tests.filter(({ test }) => test.classList.contains("folded"));
    }
    let shown = 0;
    for (const { test, name, calls } of tests) {
      let isEmpty = true;
      for (const call of calls) {
        const hasKind = !kinds.length || kinds.includes(call.classList[1]);
        const isFound = hasKind && words.every((word) =>
          name.includes(word) || call.firstElementChild.textContent.toLowerCase().includes(word)
          || callText(call).includes(word));
        call.hidden = !isFound;
        if (isFound) {
          isEmpty = false;
          shown += 1;
        }
      }
      test.hidden = isEmpty;
      if (isFiltering && !isEmpty) test.classList.remove("folded");
    }
    if (!isFiltering && foldedBefore) {
      for (const { test } of foldedBefore) test.classList.add("folded");
      foldedBefore = null;
    }
    count.textContent = isFiltering ? `${shown} shown` : "";
  }

  function endFilter() {
    search.value = "";
    for (const button of buttons) button.setAttribute("aria-pressed", "false");
    filter();
  }

  search.addEventListener("input", filter);
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const isPressed = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!isPressed));
      filter();
    });
  }

  // -- keys: / to search, and the arrows from call to call

  document.addEventListener("keydown", (event) => {
    const focused = document.activeElement;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "/" && focused !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (focused?.parentElement?.classList.contains("call")) {
        event.preventDefault();
        step(focused.parentElement, event.key === "ArrowDown" ? 1 : -1);
      }
    }
  });

  // Focus the next call that is shown, or the one before.
  function step(call, direction) {
    const calls = tests
      .filter(({ test }) => !test.hidden && !test.classList.contains("folded"))
      .flatMap((each) => each.calls.filter((other) => !other.hidden));
    calls[calls.indexOf(call) + direction]?.firstElementChild.focus();
  }

  // -- anchors

  function show(element) {
    if (element.closest("[hidden]")) endFilter();
    element.closest(".test")?.classList.remove("folded");
    if (element.classList.contains("call")) element.open = true;
    element.scrollIntoView({ block: "start" });
  }

  function showTarget() {
    const id = location.hash.slice(1);
    // A browser may have escaped the brackets of the id, or not.
    const element = id && (document.getElementById(id)
      ?? document.getElementById(safelyDecoded(id)));
    if (element) show(element);
  }

  function safelyDecoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  addEventListener("hashchange", showTarget);
  showTarget();
})();
