// SPDX-License-Identifier: Apache-2.0
// The page's words, all from texts.json, and dates in the reader's language.

const LANGUAGES = ["fi", "sv", "en"];
let all = {};
let language = "fi";

export async function loadTexts() {
  const answer = await fetch("/web/texts.json");
  all = await answer.json();
  const wanted = localStorage.getItem("language") || navigator.language.slice(0, 2);
  setLanguage(LANGUAGES.includes(wanted) ? wanted : "fi");
}

export function setLanguage(code) {
  language = code;
  localStorage.setItem("language", code);
  document.documentElement.lang = code;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = t(element.dataset.text);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", t(element.dataset.label));
  }
  const chooser = document.getElementById("language");
  chooser.value = code;
}

export function currentLanguage() {
  return language;
}

// t("counted", 12, 10): {0} and {1} are filled in.
export function t(key, ...values) {
  const text = all[language][key];
  if (text === undefined) {
    return key;
  }
  return values.reduce((line, value, index) => line.replace(`{${index}}`, String(value)), text);
}

// The same by number: "key.one" or "key.many". All three languages have one form for 1 and one for
// the rest.
export function tn(key, number, ...more) {
  return t(`${key}.${number === 1 ? "one" : "many"}`, number, ...more);
}

export function has(key) {
  return all[language][key] !== undefined;
}

// Where data comes from: an adapter's system by its name, what was reported over the API in words.
export function sourceName(source) {
  const name = String(source).replace(/^\/adapter\//, "");
  return name === "/service/plan" ? t("sourceDirect") : name;
}

// Who reported a concern, by the Flag's code; nothing when it does not say.
export function reportedBy(code) {
  return has(`reportedBy.${code}`) ? t(`reportedBy.${code}`) : "";
}

// The text of a {fi, sv, en} object.
export function inLanguage(texts) {
  return (texts && (texts[language] || texts.fi || texts.en)) || "";
}

export function decimal(value) {
  return Number(value).toLocaleString(language, { maximumFractionDigits: 2 });
}

export function day(value) {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleDateString(language);
}

export function moment(value) {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) {
    return "";
  }
  return date.toLocaleString(language, { dateStyle: "short", timeStyle: "short" });
}

export function clock(value) {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString(language, { timeStyle: "short" });
}
