// SPDX-License-Identifier: Apache-2.0
// What became of the names that each rule put on the list, and whether some groups get there more
// often than others. Every picture has its numbers in the same row of the table.

import { h, say, show, svg, turns } from "./dom.js";
import { currentLanguage, day, has, inLanguage, t } from "./texts.js";
import * as calls from "./calls.js";

const SPANS = [3, 6, 12, 24]; // months
const chosen = { months: 12, team: "", unit: "" };
const units = new Set(); // of every answer so far: a chosen one leaves the others to choose from

function number(value, digits) {
  return value.toLocaleString(currentLanguage(), { maximumFractionDigits: digits });
}

function percent(value) {
  return value.toLocaleString(currentLanguage(), { style: "percent" });
}

function hours(value) {
  if (value === undefined) {
    return "–";
  }
  return value < 48 ? t("feedback.hours", number(value, 1)) : t("feedback.days", number(value / 24, 1));
}

// --- Pictures ------------------------------------------------------------------------------------

const WIDTH = 180;
const HEIGHT = 22;

// A bar from low to high with a mark at the value, on a scale from 0 to 1.
function intervalBar(low, value, high, extra) {
  const x = (share) => 4 + share * (WIDTH - 8);
  return svg("svg", { class: "interval", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH,
    height: HEIGHT, "aria-hidden": "true", focusable: "false" },
  extra,
  svg("line", { class: "ground", x1: x(0), x2: x(1), y1: HEIGHT / 2, y2: HEIGHT / 2 }),
  svg("rect", { class: "reach", x: x(low), width: Math.max(x(high) - x(low), 1), y: 6,
    height: HEIGHT - 12 }),
  svg("line", { class: "point", x1: x(value), x2: x(value), y1: 2, y2: HEIGHT - 2 }));
}

// Ratios on a scale where twice as often and half as often are equally far from the middle.
function ratioBar(group, band) {
  const place = (ratio) => Math.min(1, Math.max(0, (Math.log2(Math.max(ratio, 0.01)) + 2) / 4));
  const x = (share) => 4 + share * (WIDTH - 8);
  const [from, to] = band.map(place).map(x);
  return intervalBar(place(group.low), place(group.ratio), place(group.high), [
    svg("rect", { class: "band", x: from, width: to - from, y: 0, height: HEIGHT }),
  ]);
}

// --- Figures -------------------------------------------------------------------------------------

function reasonText(item) {
  return inLanguage(item.name) || item.reason || t("feedback.noReason");
}

function reasons(figures) {
  return figures.reasons.length > 0 && h("ul", { class: "plain hint" },
    figures.reasons.map((item) =>
      h("li", {}, `${t(`state.${item.state}`)}: ${reasonText(item)} (${item.count})`)));
}

function valueCell(figures) {
  const value = figures.value;
  if (!value) {
    return h("td", {}, t("feedback.noVerdicts"));
  }
  return h("td", {}, intervalBar(value.low, value.share, value.high),
    h("span", { class: "block" }, t("feedback.value", percent(value.share), percent(value.low),
      percent(value.high), value.of)));
}

function figureCells(figures) {
  return [
    h("td", {}, String(figures.fired)),
    h("td", {}, String(figures.lookedAt)),
    h("td", {}, String(figures.accepted)),
    h("td", {}, String(figures.refused)),
    h("td", {}, String(figures.notRelevant), reasons(figures)),
    valueCell(figures),
    h("td", {}, hours(figures.lookMedianHours)),
    h("td", {}, hours(figures.lookP90Hours)),
  ];
}

const COLUMNS = ["fired", "lookedAt", "accepted", "refused", "notRelevant", "worth", "half", "most"];

function figureTable(caption, first, rows) {
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { class: "figures" },
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, first),
        COLUMNS.map((name) => h("th", { scope: "col" }, t(`feedback.${name}`))))),
      h("tbody", {}, rows)));
}

function ruleName(rule) {
  return inLanguage(rule.title) || rule.rule;
}

function ruleRow(rule) {
  return h("tr", {},
    h("th", { scope: "row" }, ruleName(rule),
      h("span", { class: "hint block" }, t("feedback.version", rule.version))),
    figureCells(rule));
}

function unitTable(rule) {
  const name = t("feedback.unitsOf", ruleName(rule), rule.version);
  return rule.units.length > 1 && h("details", {}, h("summary", {}, name),
    figureTable(name, t("unit"), rule.units.map((unit) => h("tr", {},
      h("th", { scope: "row" }, unit.unit || t("feedback.unitUnknown")), figureCells(unit)))));
}

// --- Skew ----------------------------------------------------------------------------------------

function groupName(group) {
  const key = `feedback.group.${group.group}`;
  return has(key) ? t(key) : t("feedback.years", group.group);
}

function groupRow(group, band) {
  const watch = group.watch && h("strong", { class: "block" }, t(`feedback.${group.watch}`));
  const cells = group.hidden
    ? [h("td", { colspan: 3 }, t("feedback.hidden"), watch)]
    : [h("td", {}, String(group.known)), h("td", {}, String(group.flagged)),
      h("td", {}, group.ratio === undefined ? "–" : [ratioBar(group, band),
        h("span", { class: "block" }, t("feedback.ratio", number(group.ratio, 2),
          number(group.low, 2), number(group.high, 2)))], watch)];
  return h("tr", {}, h("th", { scope: "row" }, groupName(group),
    h("span", { class: "hint block" }, t(`feedback.by.${group.by}`))), cells);
}

function skewTable(skew, band, isOpen) {
  const name = skew.rule === undefined ? t("feedback.anyRule") : ruleName(skew);
  const note = skew.watched > 0 ? ` – ${t("feedback.watched", skew.watched)}` : "";
  return h("details", { open: isOpen }, h("summary", {}, name + note),
    h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": name },
      h("table", { class: "figures" },
        h("caption", { class: "unseen" }, name),
        h("thead", {}, h("tr", {}, ["group", "known", "flagged", "often"].map((column) =>
          h("th", { scope: "col" }, t(`feedback.${column}`))))),
        h("tbody", {}, skew.groups.map((group) => groupRow(group, band))))));
}

function skewPart(feedback) {
  const band = [feedback.bandLow, feedback.bandHigh];
  const watched = (feedback.skew || []).reduce((sum, skew) => sum + skew.watched, 0);
  return [
    h("h2", {}, t("feedback.skew")),
    h("p", { class: "hint" }, t("feedback.skewHelp", number(band[0], 2), number(band[1], 2),
      feedback.least)),
    !feedback.skew && h("p", {}, t("feedback.noSkew")),
    watched > 0 && h("p", { class: "notice" }, t("feedback.watchedNote", watched)),
    (feedback.skew || []).map((skew, index) => skewTable(skew, band, index === 0)),
  ];
}

// --- The page ------------------------------------------------------------------------------------

function choice(id, label, options, value, onchange) {
  return h("div", {}, h("label", { for: id }, label),
    h("select", { id, onchange }, options.map(([key, text]) =>
      h("option", { value: key, selected: String(key) === String(value) }, text))));
}

function query() {
  const from = new Date();
  from.setMonth(from.getMonth() - chosen.months);
  return { from: from.toISOString(), team: chosen.team, unit: chosen.unit };
}

async function download(part) {
  const blob = await calls.feedbackCsv({ ...query(), part });
  const link = h("a", { href: URL.createObjectURL(blob), download: `rules-${part}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
}

function unitsOf(feedback) {
  for (const unit of feedback.rules.flatMap((rule) => rule.units)) {
    units.add(unit.unit);
  }
  return [...units].filter((unit) => unit !== "").sort();
}

function teamChoice(teams, onchange) {
  return teams.length > 1 && choice("feedback-team", t("team"), [["", t("allTeams")],
    ...teams.map((team) => [team.id, inLanguage(team.name)])], chosen.team, onchange);
}

const turn = turns();

// Whether it shows: not when something newer was asked for meanwhile.
export async function showRules(main, caller) {
  const isNewest = turn();
  const feedback = await calls.feedback(query());
  if (!isNewest()) {
    return false;
  }
  const choose = (key, id) => async (event) => {
    chosen[key] = event.target.value;
    say(t("loading"));
    if (await showRules(main, caller)) {
      say("");
      document.getElementById(id)?.focus();
    }
  };
  show(main,
    h("h1", {}, t("feedback")),
    h("p", { class: "hint" }, t("feedback.help")),
    h("div", { class: "bar" },
      choice("feedback-span", t("feedback.span"),
        SPANS.map((months) => [months, t("feedback.months", months)]), chosen.months,
        choose("months", "feedback-span")),
      teamChoice(feedback.teams || [], choose("team", "feedback-team")),
      choice("feedback-unit", t("unit"),
        [["", t("feedback.allUnits")], ...unitsOf(feedback).map((unit) => [unit, unit])],
        chosen.unit, choose("unit", "feedback-unit")),
      h("button", { type: "button", class: "quiet", onclick: () => download("figures") },
        t("feedback.csv"))),
    h("p", { class: "hint" }, t("feedback.between", day(feedback.from), day(feedback.to))),
    feedback.rules.length === 0
      ? h("p", {}, t("feedback.none"))
      : figureTable(t("feedback"), t("feedback.rule"), feedback.rules.map(ruleRow)),
    h("p", { class: "hint" }, t("feedback.valueHelp")),
    feedback.rules.map(unitTable),
    skewPart(feedback));
  return true;
}
