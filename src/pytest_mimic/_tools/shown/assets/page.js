"use strict";
(() => {
  const search = document.getElementById("search");
  const buttons = [...document.querySelectorAll("#kinds button")];
  const tests = [...document.querySelectorAll(".test")].map((test) => {
    const name = test.querySelector("summary").textContent.toLowerCase();
    const calls = [...test.querySelectorAll(".call")].map((call) => ({
      call, kind: call.querySelector(".kind").classList[1], text: `${name} ${call.textContent.toLowerCase()}`,
    }));
    return { test, calls };
  });
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = buttons.filter((button) => button.ariaPressed === "true").map((button) => button.value);
    for (const { test, calls } of tests) {
      for (const { call, kind, text } of calls) {
        call.hidden = (kinds.length && !kinds.includes(kind)) || !words.every((word) => text.includes(word));
      }
      test.hidden = calls.every(({ call }) => call.hidden);
      if (words.length || kinds.length) test.open = true;
    }
  }
  search.addEventListener("input", filter);
  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.ariaPressed = String(button.ariaPressed !== "true");
      filter();
    });
  }
})();
