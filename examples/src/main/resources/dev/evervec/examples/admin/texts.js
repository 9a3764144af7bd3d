// The words of the page's language, which come with the page itself.

const messages = JSON.parse(document.querySelector('meta[name="messages"]').content);

/** The words of this key, with {name} replaced by values.name. */
export function t(key, values = {}) {
  return messages[key].replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

/** The words for a code of the API, such as a state or a reason; a code that is newer than this page stands for itself. */
export function word(family, code) {
  return messages[`${family}_${code}`] ?? code;
}
