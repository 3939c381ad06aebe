/** What becomes of rough images as Nydus, where it is not `equal`: the same words as in rough-cases.ts. */

/** By the name in rough-cases.ts. */
export const nydusOutcomes: Record<string, { expected: string | RegExp; why: string }> = {
  'aufs-leftovers': {
    expected: 'different: .wh..wh.plnk: is not there; .wh..wh.plnk/123.456: is not there',
    why: 'whiteouts of what is not there; containerd leaves them out as well',
  },
  'hardlink-to-symlink': {
    expected: 'different: h: link is undefined, should be h; s: link is undefined, should be h',
    why: 'the format links files alone: two symbolic links of the same content',
  },
}
