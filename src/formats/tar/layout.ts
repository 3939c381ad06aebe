import { layout } from '../../bytes/layout.ts'
import { bytes, u8 } from '../../bytes/scalar.ts'

/** Tar is made of blocks of this many bytes. */
export const BLOCK_SIZE = 512

/**
 * The header block of POSIX.1-1988 (`ustar`). Numbers are octal digits, or GNU's base-256 where the first bit is
 * set; texts end at a zero byte or with their field.
 */
export const UstarHeader = layout('ustar_header', BLOCK_SIZE, {
  name: [0, bytes(100), 'path, or its last part where there is a prefix'],
  mode: [100, bytes(8), 'permission bits'],
  uid: [108, bytes(8), 'owner'],
  gid: [116, bytes(8), 'group'],
  size: [124, bytes(12), 'bytes of content behind the header'],
  mtime: [136, bytes(12), 'seconds since 1970'],
  chksum: [148, bytes(8), 'sum of all bytes of the block, with spaces here'],
  typeflag: [156, u8, 'what the entry is'],
  linkname: [157, bytes(100), 'target of a symbolic or hard link'],
  magic: [257, bytes(8), "'ustar' 00 '00'; GNU: 'ustar  ' 00"],
  uname: [265, bytes(32), 'name of the owner'],
  gname: [297, bytes(32), 'name of the group'],
  devmajor: [329, bytes(8), 'device number, major part'],
  devminor: [337, bytes(8), 'device number, minor part'],
  prefix: [345, bytes(155), 'path before the name, without the slash between; star: 131 bytes'],
  trailer: [500, bytes(12), "zeros; star ends with 'tar' 00"],
})

/** What the old GNU format has in the place of prefix and trailer; the fields before are as in ustar. */
export const GnuHeaderTail = layout('gnu_header_tail', BLOCK_SIZE - 345, {
  atime: [0, bytes(12), 'time of access'],
  ctime: [12, bytes(12), 'time of change'],
  offset: [24, bytes(12), 'multi-volume archives: where this part begins'],
  longnames: [36, bytes(4), 'unused'],
  unused: [40, u8, 'unused'],
  sparse: [41, bytes(4 * 24), 'the first four extents: offset and length of 12 bytes each'],
  isextended: [137, u8, 'not zero: a sparse header block follows'],
  realsize: [138, bytes(12), 'size of the file with its holes'],
  pad: [150, bytes(17), 'zeros'],
})

/** A sparse header block of the old GNU format. */
export const GnuSparseBlock = layout('gnu_sparse_block', BLOCK_SIZE, {
  sparse: [0, bytes(21 * 24), 'more extents'],
  isextended: [504, u8, 'not zero: another follows'],
  pad: [505, bytes(7), 'zeros'],
})
