// SPDX-License-Identifier: Apache-2.0
// Elements without markup text: everything shown is a text node.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children.flat(4)) {
    if (child !== null && child !== undefined && child !== false && child !== "") {
      element.append(child);
    }
  }
  return element;
}

export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

// Whether the reader is still where this was asked: an answer that comes late shows over no other
// view.
export function place() {
  const here = location.hash;
  return () => location.hash === here;
}

// The same, and nothing was asked for since: `turn` of one view is taken before each request, and an
// answer that comes after a newer request's shows nowhere.
export function turns() {
  let newest = 0;
  return () => {
    const mine = ++newest;
    const isHere = place();
    return () => mine === newest && isHere();
  };
}

export function show(target, ...children) {
  target.replaceChildren(...children.flat(4).filter((child) => child));
}

let nextNumber = 1;
export function newId(stem) {
  return `${stem}-${nextNumber++}`;
}

// Spoken by screen readers, and seen under the header.
export function say(text) {
  document.getElementById("status").textContent = text;
}
