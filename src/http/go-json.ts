const escapes: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

/** `value` as Go's json.Encoder writes it, so that answers are the same bytes as upstream's: a line end, and `<`, `>`, `&` escaped. */
export function goJson(value: unknown): string {
  return `${JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (c) => escapes[c] ?? c)}\n`
}
