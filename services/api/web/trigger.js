// SPDX-License-Identifier: Apache-2.0
// Why a client is on the list: each trigger in a sentence, the events that it counted, how complete
// its sources are, and which rules are near.

import { h, say } from "./dom.js";
import { currentLanguage, day, decimal, has, inLanguage, reportedBy, sourceName, t,
  tn } from "./texts.js";

const EXTENSION = "https://punos.fi/fhir/StructureDefinition/";

// --- Reading a DetectedIssue (schemas/trigger.md) ------------------------------------------------

function valueOf(item) {
  const key = item && Object.keys(item).find((name) => name.startsWith("value"));
  return key ? item[key] : undefined;
}

function partsOf(extension) {
  const parts = {};
  for (const item of extension.extension || []) {
    parts[item.url] = valueOf(item);
  }
  return parts;
}

function extensionsOf(issue, name) {
  return (issue.extension || []).filter((item) => item.url === EXTENSION + name);
}

// The explanation in the reader's language.
function sentenceOf(issue) {
  for (const translation of (issue._detail && issue._detail.extension) || []) {
    const parts = partsOf(translation);
    if (parts.lang === currentLanguage()) {
      return parts.content;
    }
  }
  return issue.detail;
}

// --- Parts of a card -----------------------------------------------------------------------------

// A rule of one condition says it all in its sentence.
function conditionList(issue, title) {
  const conditions = extensionsOf(issue, "trigger-condition").map(partsOf);
  if (conditions.length < 2) {
    return null;
  }
  const line = (condition) => {
    const words = [condition.value === undefined
      ? t("conditionWithheld", condition.threshold)
      : t(condition.holds ? "conditionHolds" : "conditionOpen", condition.value,
        condition.threshold)];
    if (condition.factor !== undefined) {
      words.push(t("trendFactor", decimal(condition.factor)));
    }
    if (condition["not-with"] >= 0) {
      words.push(t("notWith", condition["not-with"]));
    }
    if (condition["holds-with"] >= 0) {
      words.push(t("holdsWith", condition["holds-with"]));
    }
    if (condition.lapses) {
      words.push(t("conditionLapses", day(condition.lapses)));
    }
    return h("li", {}, `${t(`condition.${condition.kind}`)}: ${words.join("; ")}`);
  };
  return [h(title, {}, t("conditions")), h("ul", { class: "plain" }, conditions.map(line))];
}

function sourceList(issue, title) {
  const stamps = extensionsOf(issue, "completeness").map(partsOf);
  if (stamps.length === 0) {
    return null;
  }
  const line = (stamp) => {
    const name = sourceName(stamp.source);
    return h("li", {}, stamp.silent
      ? h("strong", {}, t("sourceSilent", name, day(stamp.silentSince)))
      : t("sourceHeard", name));
  };
  return [h(title, {}, t("lookedAt")), h("ul", { class: "plain" }, stamps.map(line))];
}

function eventLine(event) {
  const kind = has(`kind.${event.kind}`) ? t(`kind.${event.kind}`) : event.kind;
  return h("li", {}, [day(event.start), event.status === "noshow" ? t("noshow") : kind,
    reportedBy(event.reportedBy), t(`sector.${event.sector}`), event.unit].filter((part) => part).join(", "));
}

function countedList(trigger) {
  const withheld = trigger.countedWithheld > 0 &&
    h("p", { class: "hint" }, tn("countedWithheld", trigger.countedWithheld));
  if (trigger.counted.length === 0) {
    return withheld;
  }
  return [h("details", {},
    h("summary", {}, tn("countedEvents", trigger.counted.length)),
    h("ul", {}, trigger.counted.map(eventLine))),
  withheld];
}

// One trigger's events at a time are marked on the drawn time line and in its list.
function markButton(trigger, name, highlight) {
  if (trigger.counted.length === 0) {
    return null;
  }
  const button = h("button", { type: "button", class: "quiet", "aria-pressed": "false",
    "aria-label": `${t("showCounted")}: ${name}` }, t("showCounted"));
  button.addEventListener("click", () => {
    const isOn = button.getAttribute("aria-pressed") === "true";
    for (const other of document.querySelectorAll("#why [aria-pressed]")) {
      other.setAttribute("aria-pressed", "false");
    }
    button.setAttribute("aria-pressed", String(!isOn));
    highlight(isOn ? [] : trigger.counted.map((event) => event.reference));
    say(isOn ? t("markedNone") : tn("marked", trigger.counted.length));
  });
  return button;
}

// Headings stand one level under what the card is in.
function card(trigger, tag, level, highlight) {
  const name = inLanguage(trigger.title) || trigger.rule;
  return h("li", { class: "trigger" },
    h(`h${level}`, {}, name, " ", h("span", { class: "tag" }, tag),
      trigger.supports && [" ", h("span", { class: "tag" }, t("supports"))]),
    h("p", {}, sentenceOf(trigger.issue)),
    conditionList(trigger.issue, `h${level + 1}`),
    countedList(trigger),
    markButton(trigger, name, highlight),
    sourceList(trigger.issue, `h${level + 1}`));
}

// --- Together ------------------------------------------------------------------------------------

// What stands under the heading "why on the list". `found` is the answer of /clients/…/triggers;
// null when the reader may not ask.
export function triggerCards(found, highlight) {
  if (!found) {
    return [h("p", {}, t("noTriggers"))];
  }
  return [
    found.triggers.length === 0 && h("p", {}, t("noTriggers")),
    found.triggers.length > 0 && h("ul", { class: "cards" }, found.triggers.map((trigger) =>
      card(trigger, t(`trigger.${trigger.state}`), 3, highlight))),
    found.near.length > 0 && h("section", { id: "near", "aria-labelledby": "near-title" },
      h("h3", { id: "near-title" }, t("near")),
      h("p", { class: "hint" }, t("nearAbout")),
      h("ul", { class: "cards" }, found.near.map((near) =>
        card(near, t("trigger.near"), 4, highlight)))),
    found.withheld > 0 && h("p", { class: "hint" }, tn("triggersWithheld", found.withheld)),
  ];
}
