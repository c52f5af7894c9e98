// SPDX-License-Identifier: Apache-2.0
// Which view the address names, signing in, the language.

import { h, say, show, turns } from "./dom.js";
import { loadTexts, setLanguage, t } from "./texts.js";
import * as calls from "./calls.js";
import { showWorklist } from "./worklist.js";
import { showClient } from "./client.js";
import { showPlanForm } from "./plan_form.js";
import { showRules } from "./rules.js";

const main = document.getElementById("main");
let caller = null;

function showSignIn(isWrong) {
  document.title = `${t("signIn")} – Punos`;
  const input = h("input", {
    id: "token", type: "password", autocomplete: "off", required: true, spellcheck: "false",
    "aria-describedby": isWrong ? "token-help token-wrong" : "token-help",
    "aria-invalid": isWrong ? "true" : null,
  });
  const signIn = async (event) => {
    event.preventDefault();
    calls.setToken(input.value.trim());
    await route();
  };
  show(main,
    h("h1", {}, t("signIn")),
    h("form", { class: "narrow", onsubmit: signIn },
      h("label", { for: "token" }, t("token")),
      input,
      h("p", { id: "token-help", class: "hint" }, t("tokenHelp")),
      isWrong && h("p", { id: "token-wrong", class: "wrong" }, t("tokenWrong")),
      h("button", { type: "submit" }, t("signIn"))));
  if (isWrong) {
    input.focus();
  }
}

function showFailure(error) {
  if (error.status === 401) {
    calls.setToken(null);
    caller = null;
    showTools();
    showSignIn(true);
    return;
  }
  const text = error.status === 403 ? t("denied") : t("failed", error.message);
  show(main,
    h("h1", {}, "Punos"),
    h("p", { class: "wrong", role: "alert" }, text),
    h("button", { type: "button", onclick: route }, t("retry")));
}

function showTools() {
  document.getElementById("sign-out").hidden = caller === null;
  document.getElementById("nav-list").hidden = caller === null;
  document.getElementById("nav-rules").hidden =
    caller === null || !caller.may.includes("rules-feedback");
}

const views = [
  { pattern: /^#\/client\/([0-9a-f]{32})\/plan$/, show: showPlanForm },
  { pattern: /^#\/client\/([0-9a-f]{32})$/, show: showClient },
  { pattern: /^#\/rules$/, show: showRules },
  { pattern: /^(?:#\/?)?$/, show: showWorklist },
];

const turn = turns();

async function route() {
  const isNewest = turn();
  if (!calls.hasToken()) {
    showTools();
    showSignIn(false);
    return;
  }
  say(t("loading"));
  try {
    caller = caller || (await calls.me());
    showTools();
    const view = views.find((item) => item.pattern.test(location.hash)) || views[views.length - 1];
    const match = view.pattern.exec(location.hash) || [];
    await view.show(main, caller, match[1]);
    if (!isNewest()) {
      return;
    }
    document.title = `${main.querySelector("h1").textContent} – Punos`;
    say("");
  } catch (error) {
    if (isNewest()) {
      say("");
      showFailure(error);
    }
  }
}

document.getElementById("language").addEventListener("change", async (event) => {
  setLanguage(event.target.value);
  await route();
});
document.getElementById("sign-out").addEventListener("click", async () => {
  calls.setToken(null);
  caller = null;
  location.hash = "#/";
  await route();
});
window.addEventListener("hashchange", async () => {
  await route();
  main.focus();
});

await loadTexts();
await route();
