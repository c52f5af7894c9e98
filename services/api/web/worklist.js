// SPDX-License-Identifier: Apache-2.0
// The work list: who may be a shared client, why, and where the work stands.

import { h, say, show, turns } from "./dom.js";
import { day, inLanguage, t, tn } from "./texts.js";
import * as calls from "./calls.js";
import { stateNotes } from "./case_form.js";

export const STATES = ["new", "seen", "in-discussion", "consents", "refuses", "thinking",
  "has-worker", "not-relevant", "lapsed"];

const chosen = { state: "", team: "", unit: "", held: false, names: false };
let reasons = [];

// "a3f1 c07e": enough of a key to tell rows apart.
export function shortKey(key) {
  return `${key.slice(0, 4)} ${key.slice(4, 8)}`;
}

function who(item) {
  const parts = [];
  if (item.birthYear) {
    parts.push(t("born", item.birthYear));
  }
  if (item.gender) {
    parts.push(t(`gender.${item.gender}`));
  }
  return parts.filter((part) => part).join(", ");
}

// Narrow screens show each row as a card (style.css): the roles keep it a table for those who hear
// it, and the label is what stood over the column.
function cell(key, ...children) {
  return h("td", { role: "cell", "data-label": t(key) }, ...children);
}

function row(item) {
  return h("tr", { role: "row" },
    h("th", { scope: "row", role: "rowheader" },
      h("a", { href: `#/client/${item.client}` }, item.name || shortKey(item.client)),
      h("span", { class: "hint block" }, who(item))),
    cell("why",
      h("ul", { class: "plain" },
        item.triggers.map((trigger) => h("li", {}, inLanguage(trigger.title) || trigger.rule,
          " ", h("span", { class: "hint" }, t("counted", trigger.count, trigger.threshold)),
          trigger.supports && [" ", h("span", { class: "tag" }, t("supports"))])))),
    cell("state", h("span", { class: "block" }, t(`state.${item.state}`)),
      h("span", { class: "hint block" }, stateNotes(item, reasons)),
      item.plan && h("span", { class: "hint block" }, t("hasPlan")),
      item.held && h("span", { class: "hint block" }, t("isHeld"))),
    cell("changed", day(item.changed)));
}

function stateFilter(counts, refresh) {
  const select = h("select", { id: "state-filter" },
    h("option", { value: "" }, t("stateOpen")),
    STATES.map((state) => h("option", { value: state, selected: state === chosen.state },
      counts ? `${t(`state.${state}`)} (${counts[state]})` : t(`state.${state}`))));
  select.addEventListener("change", async () => {
    chosen.state = select.value;
    await refresh("state-filter");
  });
  return h("div", {}, h("label", { for: "state-filter" }, t("stateFilter")), select);
}

function choice(id, label, options, value, choose, refresh) {
  const select = h("select", { id }, options.map(([code, text]) =>
    h("option", { value: code, selected: code === value }, text)));
  select.addEventListener("change", async () => {
    choose(select.value);
    await refresh(id);
  });
  return h("div", {}, h("label", { for: id }, label), select);
}

const NO_TEAM = "-";

function teamFilter(list, refresh) {
  const teams = (list.teams || []).map((team) => [team.id, inLanguage(team.name)]);
  if (list.withoutTeam || chosen.team === NO_TEAM) {
    teams.push([NO_TEAM, t("noTeam")]);
  }
  if (teams.length < 2) {
    return null;
  }
  const options = [["", t("allTeams")], ...teams];
  return choice("team-filter", t("team"), options, chosen.team, (value) => {
    chosen.team = value;
  }, refresh);
}

function unitFilter(refresh) {
  const input = h("input", { id: "unit-filter", type: "search", value: chosen.unit });
  input.addEventListener("change", async () => {
    chosen.unit = input.value.trim();
    await refresh("unit-filter");
  });
  return h("div", {}, h("label", { for: "unit-filter" }, t("unitOf")), input);
}

// What the teams' numbers of new names a week hold back: a count, and the list on request.
function heldSwitch(held, refresh) {
  if (!held && !chosen.held) {
    return null;
  }
  const toggle = async () => {
    chosen.held = !chosen.held;
    await refresh("held");
  };
  return h("p", {}, tn("heldCount", held), " ",
    h("button", { id: "held", type: "button", "aria-pressed": String(chosen.held),
      onclick: toggle }, t("showHeld")));
}

// Clients of units that no team has: somebody has to give these units a team.
function noTeamNote(withoutTeam) {
  if (!withoutTeam) {
    return null;
  }
  const open = withoutTeam.units.reduce((sum, item) => sum + item.open, 0);
  const units = withoutTeam.units.map((item) => item.unit || t("unitNotKnown"));
  return h("p", { class: "notice", id: "no-team" }, tn("noTeamNote", open, units.join(", ")));
}

function nameSwitch(caller, refresh) {
  if (!caller.may.includes("identity")) {
    return null;
  }
  const toggle = async () => {
    chosen.names = !chosen.names;
    await refresh("names");
  };
  return h("div", {},
    h("button", { id: "names", type: "button", "aria-pressed": String(chosen.names),
      "aria-describedby": "names-hint", onclick: toggle }, t("showNames")),
    h("span", { id: "names-hint", class: "hint block" }, t("namesLogged")));
}

function table(list) {
  const body = h("tbody", { role: "rowgroup" }, list.clients.map(row));
  const element = h("table", { class: "cases", role: "table" },
    h("caption", { class: "unseen" }, t("worklist")),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ["client", "why", "state", "changed"]
      .map((key) => h("th", { scope: "col", role: "columnheader" }, t(key))))),
    body);
  return { element, body };
}

// `asked`: how the list that shows was asked for; another may have been chosen since.
function moreButton(list, asked, body) {
  let cursor = list.next;
  let isAsking = false;
  const button = h("button", { type: "button" }, t("more"));
  const add = async () => {
    const page = await calls.worklist(asked, cursor);
    const rows = page.clients.map(row);
    body.append(...rows);
    cursor = page.next;
    button.hidden = !cursor;
    rows[0]?.querySelector("a").focus();
  };
  button.addEventListener("click", async () => {
    if (isAsking) {
      return;
    }
    isAsking = true;
    try {
      await add();
    } finally {
      isAsking = false;
    }
  });
  return button;
}

const turn = turns();

// Whether it shows: not when something newer was asked for meanwhile.
export async function showWorklist(main, caller) {
  const isNewest = turn();
  const asked = { ...chosen };
  const list = await calls.worklist(asked, "");
  if (!isNewest()) {
    return false;
  }
  reasons = list.reasons || [];
  // `id`: the control that asked, which stands anew afterwards.
  const refresh = async (id) => {
    say(t("loading"));
    if (await showWorklist(main, caller)) {
      say(tn("count", document.querySelectorAll("tbody tr").length));
      document.getElementById(id)?.focus();
    }
  };
  const { element, body } = table(list);
  show(main,
    h("h1", {}, t("worklist")),
    h("p", { class: "hint" }, t("worklistAbout")),
    h("div", { class: "bar" }, stateFilter(list.states, refresh),
      teamFilter(list, refresh), unitFilter(refresh), nameSwitch(caller, refresh)),
    noTeamNote(list.withoutTeam),
    heldSwitch(list.held, refresh),
    list.withheld > 0 && h("p", { class: "hint" }, tn("withheld", list.withheld)),
    list.clients.length === 0
      ? h("p", {}, t("noClients"))
      : h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": t("worklist") },
        element),
    list.next && moreButton(list, asked, body));
  return true;
}
