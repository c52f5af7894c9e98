// SPDX-License-Identifier: Apache-2.0
// What of a plan each system's form cannot hold, told before the plan is saved.

import { h, show } from "./dom.js";
import { currentLanguage, t } from "./texts.js";
import * as calls from "./calls.js";

const PAUSE_MS = 700;

function texts(parts, name) {
  return (parts || []).filter((part) => part.name === name).map((part) => part.valueString);
}

function systemItem({ part }) {
  const name = texts(part, "name")[0];
  const refused = texts(part, "refused")[0];
  const losses = part.filter((item) => item.name === "loss");
  if (refused) {
    return h("li", {}, h("strong", {}, `${name}: ${t("lossRefused")}`), ` ${refused}`);
  }
  // Held, but for one register's readers only.
  const apart = part.filter((item) => item.name === "apart");
  const told = [...losses, ...apart];
  const list = told.length > 0 &&
    h("ul", {}, told.map((loss) => h("li", {}, texts(loss.part, currentLanguage())[0])));
  return losses.length === 0
    ? h("li", {}, h("strong", {}, `${name}:`), ` ${t("lossNone")}`, list)
    : h("li", {}, h("strong", {}, `${name}: ${t("lossSome")}`), list);
}

// A list by system; nothing when no system takes plans.
export function lossList(parameters) {
  const systems = (parameters.parameter || []).filter((item) => item.name === "system");
  return systems.length > 0 && [
    h("h2", { id: "losses-title" }, t("losses")),
    h("p", { class: "hint" }, t("lossesHelp")),
    h("ul", { class: "losses" }, systems.map(systemItem)),
  ];
}

// Told of a plan that stands, below it.
export async function storedLosses(plan) {
  try {
    const list = lossList(await calls.storedLosses(plan.id));
    return list && h("details", {}, h("summary", {}, t("losses")), list.slice(1));
  } catch {
    return null;
  }
}

// Follows a form: once it is filled in, and after each change, asks anew for `read()`'s plan and
// shows the answer in `region`. A plan that is refused shows nothing here: saving says what is wrong.
export function followLosses(form, region, read) {
  let timer = null;
  let newest = 0;
  const ask = async () => {
    if (!form.isConnected) {
      return; // left meanwhile
    }
    const mine = ++newest;
    const plan = form.checkValidity() ? read() : null;
    let list = null;
    try {
      list = plan && lossList(await calls.lossReport(plan));
    } catch {
      list = null;
    }
    if (mine === newest && form.isConnected) {
      show(region, list);
    }
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  };
  form.addEventListener("change", wait);
  wait();
}
