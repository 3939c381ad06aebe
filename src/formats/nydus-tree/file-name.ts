/** Bytes of one name. Source: NAME_MAX of Linux, EROFS_NAME_LEN of the kernel's fs/erofs/erofs_fs.h. */
export const MAX_NAME_SIZE = 255

/** Tells whether a file can be called so: not empty, `.` or `..`, no slash, no NUL. */
export function isName(name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] === 0x2f || name[i] === 0) return false
  if (name[0] !== 0x2e) return name.length > 0
  return name.length > 2 || (name.length === 2 && name[1] !== 0x2e)
}
