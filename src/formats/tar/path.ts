/**
 * The path that a stored name means, from the root of the image: no leading `/` or `./`, no empty, `.` or `..` parts,
 * no trailing `/`; the root is the empty string. `..` stops at the root. As Go's path.Clean("/" + name), which all
 * that unpacks layers relies on, without the slash.
 */
export function cleanPath(name: string): string {
  // Directories have one slash more than their path.
  const cut = name.endsWith('/') ? name.slice(0, -1) : name
  if (isClean(cut)) return cut
  const parts: string[] = []
  for (const part of name.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/** As most names are. */
function isClean(name: string): boolean {
  if (name.startsWith('/') || name.endsWith('/') || name.includes('//')) return false
  return !/(?:^|\/)\.\.?(?:\/|$)/.test(name)
}

/** The directory of a clean path, the empty string for what lies in the root; undefined for the root itself. */
export function parentPath(path: string): string | undefined {
  if (path === '') return undefined
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '' : path.slice(0, slash)
}

/** The last part of a clean path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
