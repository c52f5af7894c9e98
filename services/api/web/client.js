// SPDX-License-Identifier: Apache-2.0
// One client: why on the list, the timeline over the sectors, the plan and where it stands.

import { h, place, say, show, turns } from "./dom.js";
import { day, moment, sourceName, t } from "./texts.js";
import * as calls from "./calls.js";
import { caseHistory, stateForm } from "./case_form.js";
import { shortKey } from "./worklist.js";
import { triggerCards } from "./trigger.js";
import { timelineSection } from "./timeline.js";
import { planSection } from "./plan_view.js";

async function orNull(promise, ...statuses) {
  try {
    return await promise;
  } catch (error) {
    if (statuses.includes(error.status)) {
      return null;
    }
    throw error;
  }
}

function nameOf(patient) {
  const name = (patient.name || [])[0] || {};
  return [...(name.given || []), name.family].filter((part) => part).join(" ");
}

// --- Head ----------------------------------------------------------------------------------------

function heading(client, patient, caller) {
  const title = h("h1", {}, `${t("client")} ${shortKey(client)}`);
  const facts = [];
  if (patient.birthDate) {
    facts.push(t("born", patient.birthDate.slice(0, 4)));
  }
  if (patient.gender) {
    facts.push(t(`gender.${patient.gender}`));
  }
  if (((patient.meta || {}).security || []).some((label) => label.code === "TURVAKIELTO")) {
    facts.push(t("protected"));
  }
  const parts = [title, h("p", {}, facts.filter((part) => part).join(", "))];
  if (caller.may.includes("identity")) {
    let isShown = false;
    const button = h("button", { type: "button", "aria-describedby": "name-hint" }, t("showName"));
    button.addEventListener("click", async () => {
      isShown = !isShown;
      const isWanted = isShown;
      const name = isWanted ? nameOf(await calls.identity(client)) : "";
      if (isWanted !== isShown) {
        return; // hidden again before the answer came
      }
      title.textContent = name || `${t("client")} ${shortKey(client)}`;
      button.textContent = t(isShown ? "hideName" : "showName");
      say(title.textContent);
    });
    parts.push(h("p", {}, button, " ", h("span", { id: "name-hint", class: "hint" },
      t("nameLogged"))));
  }
  return parts;
}

// --- Why on the list -----------------------------------------------------------------------------

function whySection(client, triggers, found, caller, highlight, refresh) {
  return h("section", { id: "why", "aria-labelledby": "why-title" },
    h("h2", { id: "why-title" }, t("triggers")),
    triggerCards(triggers, highlight),
    found && caller.may.includes("worklist-set") && stateForm(client, found, refresh),
    found && caseHistory(found));
}

// --- Shared client -------------------------------------------------------------------------------

function sharedSection(client, flag, found, caller, refresh) {
  const consents = found && ["consents", "has-worker"].includes(found.json.state);
  const act = (change) => async () => {
    try {
      await change();
      await refresh();
      say(t("saved"));
    } catch (error) {
      if (![409, 412].includes(error.status)) {
        throw error;
      }
      await refresh();
      say(error.message);
    }
  };
  return h("section", { "aria-labelledby": "shared-title" },
    h("h2", { id: "shared-title" }, t("sharedClient")),
    h("p", {}, flag ? t("sharedSince", day(flag.period.start)) : t("notShared")),
    caller.may.includes("plan-write") && (flag
      ? h("button", { type: "button", onclick: act(() => calls.endCase(flag)) }, t("endShared"))
      : consents && h("button", { type: "button", onclick: act(() => calls.openCase(client)) },
        t("acceptShared"))));
}

// --- Where the data comes from -------------------------------------------------------------------

function part(extension, url) {
  const found = (extension.extension || []).find((item) => item.url === url);
  return found && (found.valueUri || found.valueCode || found.valueInstant || found.valueBoolean);
}

function sourcesSection(bundle) {
  const stamps = ((bundle.meta || {}).extension || []).filter((item) =>
    item.url.endsWith("/completeness"));
  const line = (stamp) => {
    const received = part(stamp, "lastReceived");
    return h("li", {},
      `${sourceName(part(stamp, "source"))}: ${t("heard", moment(received))}`,
      part(stamp, "silent") && h("strong", {},
        ` – ${t("silent", moment(part(stamp, "silentSince")))}`));
  };
  return h("section", { "aria-labelledby": "sources-title" },
    h("h2", { id: "sources-title" }, t("sources")),
    h("p", { class: "hint" }, t("sourcesHelp")),
    h("ul", {}, stamps.map(line)));
}

const turn = turns();

export async function showClient(main, caller, client) {
  const isHere = place();
  const isNewest = turn();
  const [patient, triggers, found, flag, plan, timeline] = await Promise.all([
    calls.patient(client),
    orNull(calls.triggers(client), 403, 503),
    orNull(calls.flagged(client), 403, 404),
    orNull(calls.sharedCase(client), 403, 503),
    orNull(calls.currentPlan(client), 403),
    timelineSection(client),
  ]);
  const refresh = async () => isHere() && showClient(main, caller, client);
  const planned = await planSection(client, plan, caller);
  if (!isNewest()) {
    return;
  }
  show(main,
    h("p", {}, h("a", { href: "#/" }, t("back"))),
    heading(client, patient, caller),
    whySection(client, triggers, found, caller, timeline.highlight, refresh),
    timeline.element,
    sharedSection(client, flag, found, caller, refresh),
    planned,
    sourcesSection(timeline.bundle));
}
