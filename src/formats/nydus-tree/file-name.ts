/** Bytes of one name. Source: NAME_MAX of Linux, EROFS_NAME_LEN of the kernel's fs/erofs/erofs_fs.h. */
export const MAX_NAME_SIZE = 255

/** Tells whether a file can be called so: not empty, `.` or `..`, no slash, no NUL. */
export function isName(name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] === 0x2f || name[i] === 0) return false
  if (name[0] !== 0x2e) return name.length > 0
  return name.length > 2 || (name.length === 2 && name[1] !== 0x2e)
}

/** The names of a path as an archive has it: `./a//b/` is a and b, the root is no name at all. */
export function splitPath(path: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = []
  for (let from = 0, end = 0; from < path.length; from = end + 1) {
    for (end = from; end < path.length && path[end] !== 0x2f;) end++
    const length = end - from
    if (length > 1 || (length === 1 && path[from] !== 0x2e)) names.push(path.subarray(from, end))
  }
  return names
}
