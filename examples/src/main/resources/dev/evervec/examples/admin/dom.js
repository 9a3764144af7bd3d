// Finding and filling elements. What comes from the API goes in as text or attribute, never as markup.

/** The element of this name, below root. */
export function find(name, root = document) {
  return root.querySelector(`[data-testid="${name}"]`);
}

/** Shows a text, or a node that was made for it. */
export function put(name, value, root = document) {
  const element = find(name, root);
  say(element, value);
  return element;
}

/** What is unchanged is left alone, so that a reader's selection stays. */
export function say(element, value) {
  const text = value instanceof Node ? value.textContent : String(value);
  if (element.textContent !== text) {
    element.replaceChildren(value);
  }
}

/** Shows or hides; whoever was inside with the keyboard is led to the heading of the section. */
export function show(name, visible, root = document) {
  const element = find(name, root);
  if (element.hidden === !visible) {
    return;
  }
  const focused = !visible && element.contains(document.activeElement);
  element.hidden = !visible;
  if (focused) {
    const heading = element.closest('section')?.querySelector('h2');
    heading?.setAttribute('tabindex', '-1');
    heading?.focus();
  }
}

/** An HTML element with attributes and children. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** A copy of what is in a template. */
export function copyOf(template) {
  return document.getElementById(template).content.firstElementChild.cloneNode(true);
}

/** Makes the children of a container those of the items, in their order; children that stay are filled anew, not replaced. */
export function keep(container, items, keyOf, make, fill) {
  const present = new Map([...container.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, index) => {
    const key = String(keyOf(item));
    const child = present.get(key) ?? make(item);
    present.delete(key);
    child.dataset.key = key;
    fill(child, item);
    if (container.children[index] !== child) {
      container.insertBefore(child, container.children[index] ?? null);
    }
  });
  present.forEach((child) => child.remove());
}

/** A list of plain texts, each of them once. */
export function list(name, texts) {
  keep(find(name), [...new Set(texts)], (text) => text, () => element('li', { dir: 'auto' }), say);
}

/** The rows of a table: the first cell is the heading of its row. */
export function rows(name, lines) {
  keep(find(name), lines, (line) => line.key, () => element('tr'), (row, line) => {
    row.className = line.kind ?? '';
    keep(row, line.cells.map((text, index) => ({ text, index })), ({ index }) => index,
      ({ index }) => (index === 0 ? element('th', { scope: 'row', dir: 'auto' }) : element('td')),
      (cell, { text }) => say(cell, text));
  });
}

/** Tells those who cannot see the page. Not for what changes every second. */
export function announce(text) {
  find('announcer').textContent = text;
}
