/**
 * The path that readers take an entry's name for: no leading or trailing `/`, no `.`, `..` or empty components; the
 * root is the empty string. `..` does not lead out of the root. Source: estargz.go, `cleanEntryName`.
 */
export function cleanPath(name: string): string {
  // Nearly all names are clean but for a slash at either end.
  if (!/(?:^|\/)\.{0,2}(?:\/|$)/.test(name)) return name
  const parts: string[] = []
  for (const part of name.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}
