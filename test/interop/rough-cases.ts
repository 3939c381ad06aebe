/**
 * Small images, each with one thing that layers found in the wild do and that the specification leaves open, discourages,
 * or that tools disagree on; and what becomes of it. docs/interop.md shows the outcomes.
 */
import { gzipSync } from 'node:zlib'
import { type BuiltLayer, buildBlob, buildLayer } from '../../src/testing/image-builder.ts'
import { type TarBuilder, type TestEntryInit, testTar } from '../../src/testing/tar-builder.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { OCI_LAYER_GZIP } from '../../src/oci/media-type.ts'
import { sparseTar } from './gnu-tar.ts'
import type { Tree, TreeEntry } from './tree.ts'

/**
 * What the original is taken to hold:
 * `umoci`, what umoci unpacks; `tar`, what GNU tar extracts (in memory, where time has no end), where umoci fails or loses
 * something; or a tree written here, where both fail.
 */
export type Reference = 'umoci' | 'tar' | Tree

/** One image and what becomes of it. */
export interface RoughCase {
  /** What it does, in a few words. */
  what: string
  layers(): BuiltLayer[] | Promise<BuiltLayer[]>
  /** In the words of `outcomeOf` in rough.test.ts. @default 'equal' */
  expected?: string | RegExp
  /** @default 'umoci' */
  reference?: Reference
  /** Why the reference is another one, or the outcome is not `equal`. */
  why?: string
}

const TIME = 1_600_000_000

/** Metadata of an entry of that time; anything else besides. */
function at(rest: TestEntryInit = {}): TestEntryInit {
  return { mtime: TIME, ...rest }
}

function layer(fill: (tar: TarBuilder) => unknown, dialect: 'pax' | 'gnu' = 'pax'): BuiltLayer {
  const tar = testTar({ dialect })
  fill(tar)
  return buildLayer(tar.bytes())
}

/** A layer of the bytes of a tar as they are, in gzip as `compress` makes it. */
function bytes(tar: Uint8Array, compress: (tar: Uint8Array) => Uint8Array = gzipSync): BuiltLayer {
  return { ...buildBlob(compress(tar), OCI_LAYER_GZIP), diffId: digestOf(tar) }
}

/** What most second layers are put on: directories that are not root's, files at two depths. */
function below(): BuiltLayer {
  return layer((tar) =>
    tar
      .directory('a/', at({ mode: 0o700, uid: 5, gid: 6 }))
      .directory('a/b/', at({ mode: 0o710 }))
      .file('a/b/low', 'data\n', at())
      .file('top', 'data\n', at()),
  )
}

/** Two files, for what is wrong with how they are stored. */
function twoFiles(): Uint8Array {
  const noise = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * i * 31 + i) % 251))
  return testTar().file('f', 'one\n'.repeat(5000), at()).file('g', noise, at()).bytes()
}

/** A block of a header, with some fields put over and the sum made right. */
function patched(block: Uint8Array, fields: Record<number, string>): Uint8Array {
  const header = Buffer.from(block)
  for (const [offset, text] of Object.entries(fields)) header.write(text, Number(offset), 'latin1')
  header.write(' '.repeat(8), 148)
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** POSIX ACL, version 2: user::rw-, user:1000:rwx, group::r--, mask::rwx, other::---. Source: linux posix_acl_xattr.h. */
const ACL = Buffer.from(
  '02000000' +
    '01000600ffffffff' +
    '02000700e8030000' +
    '04000400ffffffff' +
    '10000700ffffffff' +
    '20000000ffffffff',
  'hex',
)

/** cap_net_raw=ep of the namespace whose root is 256000. Source: linux capability.h, vfs_ns_cap_data. */
const CAPABILITY_3 = Buffer.from('010000030020000000000000000000000000000000e80300', 'hex')

/** What `file('f', 'data\n', at())` unpacks to. */
const data: TreeEntry = {
  kind: 'file',
  mode: '0644',
  owner: '0:0',
  mtime: TIME,
  size: 5,
  content: '6667b2d1aab6a00caa5aee5af8ad9f1465e567abf1c209d15727d57b3e8f6e5f',
}

/** By name. The laboratory, where there is one, has images of its own with the same names behind `rough-`. */
export const roughCases: Record<string, RoughCase> = {
  // names
  absolute: {
    what: 'names begin with a slash',
    layers: () => [
      layer((tar) =>
        tar.directory('/a', at()).file('/a/f', 'data\n', at()).hardlink('/a/h', '/a/f', at()),
      ),
    ],
  },
  'dot-slash': {
    what: 'names begin with ./, and the layer above has a whiteout there',
    layers: () => [
      layer((tar) =>
        tar
          .directory('./', at())
          .directory('./a/', at())
          .file('./a/f', 'data\n', at())
          .hardlink('./a/h', './a/f', at())
          .symlink('./l', './a', at()),
      ),
      layer((tar) => tar.whiteout('./a/f')),
    ],
    expected: /^different: \.: mtime is -\d+, should be \d+$/,
    why: 'a layer without an entry for the root gives it no time; mode and owner are kept',
  },
  'dot-dot': {
    what: 'names go up, out of the root',
    layers: () => [
      layer((tar) =>
        tar
          .directory('a/', at())
          .file('a/../b', 'data\n', at())
          .file('../../escape', 'data\n', at()),
      ),
    ],
  },
  'no-parents': {
    what: 'files in directories that no layer has',
    layers: () => [
      layer((tar) => tar.file('x/y/z/f', 'data\n', at()).symlink('p/q/l', '../f', at())),
    ],
  },
  'no-parents-above': {
    what: 'a file in directories that only the layer below has',
    layers: () => [below(), layer((tar) => tar.file('a/b/high', 'data\n', at()))],
  },
  'root-below': {
    what: 'a root that is not 0755 of root, which only the layer below has an entry for',
    layers: () => [
      layer((tar) => tar.directory('./', at({ mode: 0o711, uid: 4 })).file('f', 'data\n', at())),
      layer((tar) => tar.file('g', 'data\n', at())),
    ],
  },
  'invalid-utf8': {
    what: 'names and link targets in Latin-1',
    layers: () => [
      layer((tar) =>
        tar
          .file(Buffer.from('caf\xe9', 'latin1'), 'data\n', at())
          .directory(Buffer.from('\xff\xfe/', 'latin1'), at())
          .file(Buffer.from('\xff\xfe/f', 'latin1'), 'data\n', at())
          .symlink('s', Buffer.from('caf\xe9', 'latin1'), at()),
      ),
    ],
    expected: 'equal, 1 layer kept',
    why: 'the table of contents is JSON, which has no bytes',
  },
  'reserved-names': {
    what: 'files that are called like what eStargz adds',
    layers: () => [
      layer((tar) =>
        tar
          .file('stargz.index.json', '{}', at())
          .file('.prefetch.landmark', 'x', at())
          .file('.no.prefetch.landmark', 'y', at())
          .file('f', 'data\n', at()),
      ),
    ],
    expected: 'equal, 1 layer kept',
    why: 'the reader hides these names',
  },
  'gnu-long-names': {
    what: "names and targets of more than 100 bytes, in GNU's way",
    layers: () => {
      const [folder, file] = ['n'.repeat(120), 'm'.repeat(120)]
      return [
        layer(
          (tar) =>
            tar
              .directory(`${folder}/`, at())
              .file(`${folder}/${file}`, 'data\n', at())
              .symlink('s', 't'.repeat(200), at())
              .hardlink('h', `${folder}/${file}`, at()),
          'gnu',
        ),
      ]
    },
  },
  'ustar-prefix': {
    what: "a long name in ustar's two fields",
    layers: () => {
      const [header, rest] = cut(testTar().file('m'.repeat(90), 'data\n', at()).bytes())
      return [bytes(Buffer.concat([patched(header, { 345: 'p'.repeat(120) }), rest]))]
    },
  },
  deep: {
    what: '400 directories, one in the other',
    layers: () => [
      layer((tar) => {
        for (let depth = 1; depth < 400; depth++) tar.directory('d/'.repeat(depth), at())
      }),
    ],
  },

  // the same name twice
  'duplicate-entry': {
    what: 'one name several times in a layer',
    layers: () => [
      layer((tar) =>
        tar
          .file('f', 'first\n', at())
          .directory('d/', at({ mode: 0o700 }))
          .file('f', 'second\n', at({ mode: 0o600 }))
          .directory('d/', at({ mode: 0o711 }))
          .file('g', 'data\n', at())
          .symlink('g', 'f', at()),
      ),
    ],
  },
  'file-then-dir': {
    what: 'a file, then a directory of that name with something in it',
    layers: () => [
      layer((tar) =>
        tar.file('x', 'data\n', at()).directory('x/', at()).file('x/f', 'data\n', at()),
      ),
    ],
  },
  'whiteout-and-file': {
    what: 'a whiteout, then a file of that name, in one layer',
    layers: () => [below(), layer((tar) => tar.whiteout('top').file('top', 'new\n', at()))],
  },
  'file-and-whiteout': {
    what: 'a file, then a whiteout of it, in one layer',
    layers: () => [below(), layer((tar) => tar.file('top', 'new\n', at()).whiteout('top'))],
  },
  'same-layer-twice': {
    what: 'one layer below and above one that removes some of it',
    layers: () => [below(), layer((tar) => tar.whiteout('top')), below()],
  },

  // whiteouts
  'opaque-last': {
    what: 'the opaque marker comes after what is new in the directory',
    layers: () => [
      below(),
      layer((tar) => tar.directory('a/', at()).file('a/new', 'data\n', at()).opaque('a')),
    ],
  },
  'opaque-root': {
    what: 'an opaque marker in the root',
    layers: () => [
      below(),
      layer((tar) => tar.file('.wh..wh..opq', '', at()).file('only', 'data\n', at())),
    ],
  },
  'opaque-no-dir': {
    what: 'an opaque marker in a directory that the layer has no entry for',
    layers: () => [below(), layer((tar) => tar.opaque('a').file('a/new', 'data\n', at()))],
  },
  'whiteout-missing': {
    what: 'whiteouts of names that no layer below has',
    layers: () => [
      below(),
      layer((tar) => tar.whiteout('no-such').directory('n/', at()).whiteout('n/no-such')),
    ],
  },
  'whiteout-first-layer': {
    what: 'a whiteout in the first layer',
    layers: () => [
      layer((tar) => tar.directory('a/', at()).whiteout('a/x').file('a/f', 'data\n', at())),
    ],
  },
  'aufs-leftovers': {
    what: "AUFS' own files, as old Docker left them in layers",
    layers: () => [
      layer((tar) =>
        tar
          .file('.wh..wh.aufs', '', at())
          .directory('.wh..wh.plnk/', at())
          .file('.wh..wh.plnk/123.456', 'data\n', at())
          .directory('a/', at())
          .file('a/f', 'data\n', at()),
      ),
    ],
    expected: 'different: .wh..wh.plnk: is not there; .wh..wh.plnk/123.456: is not there',
    why: 'left out: the reader takes every name that begins with .wh. for a whiteout',
  },
  'char-0-0': {
    what: "character devices 0:0, an overlay's own whiteouts",
    layers: () => [
      below(),
      layer((tar) => tar.character('top', 0, 0, at()).character('zero', 0, 0, at())),
    ],
    expected: 'refused DRIVER_ENTRY_REFUSED',
    why: 'the overlay would take them for whiteouts of what lies below',
  },
  'xattr-opaque': {
    what: 'the attribute with which an overlay marks a directory opaque',
    layers: () => [
      below(),
      layer((tar) =>
        tar
          .directory('a/', at({ xattrs: { 'trusted.overlay.opaque': 'y' } }))
          .file('a/new', 'data\n', at()),
      ),
    ],
  },

  // links
  'lower-hardlink': {
    what: 'a hard link to a file of the layer below',
    layers: () => [below(), layer((tar) => tar.hardlink('link-to-top', 'top', at()))],
    expected: /^converted, cannot be pulled: .*failed to extract layer/,
    why: 'nor can the original, by containerd on overlayfs or by podman: a layer is unpacked by itself',
  },
  'hardlink-first': {
    what: 'a hard link before its target',
    layers: () => [layer((tar) => tar.hardlink('h', 'f', at()).file('f', 'data\n', at()))],
    reference: new Map([
      ['.', { kind: 'dir', mode: '0755', owner: '0:0' }],
      ['f', { ...data, link: 'f' }],
      ['h', { ...data, link: 'f' }],
    ]),
    why: 'umoci and GNU tar stop at such a link',
  },
  'hardlink-chain': {
    what: 'a hard link to a hard link',
    layers: () => [
      layer((tar) =>
        tar.file('f', 'data\n', at()).hardlink('g', 'f', at()).hardlink('h', 'g', at()),
      ),
    ],
  },
  'hardlink-to-symlink': {
    what: 'a hard link to a symbolic link',
    layers: () => [
      layer((tar) =>
        tar.file('f', 'data\n', at()).symlink('s', 'f', at()).hardlink('h', 's', at()),
      ),
    ],
  },
  'hardlink-other-meta': {
    what: "a hard link whose entry has another mode and owner than the file's",
    layers: () => [
      layer((tar) =>
        tar
          .file('f', 'data\n', at({ mode: 0o600, uid: 1 }))
          .hardlink('h', 'f', at({ mode: 0o777, uid: 2 })),
      ),
    ],
  },
  'through-symlink': {
    what: 'a file in what the layer below has as a link to a directory',
    layers: () => [
      layer((tar) => tar.directory('real/', at()).symlink('s', 'real', at())),
      layer((tar) => tar.file('s/f', 'data\n', at())),
    ],
    expected: 'equal, 1 layer kept',
    reference: new Map([
      ['.', { kind: 'dir', mode: '0755', owner: '0:0' }],
      ['real', { kind: 'dir', mode: '0755', owner: '0:0', mtime: TIME }],
      ['s', { kind: 'dir', mode: '0755', owner: '0:0' }],
      ['s/f', data],
    ]),
    why: 'umoci follows the link; containerd on overlayfs and podman show what is listed',
  },

  // metadata
  'negative-time': {
    what: 'times before 1970',
    layers: () => [
      layer((tar) => tar.file('f', 'data\n', { mtime: -1 }).file('g', 'data\n', { mtime: -1e9 })),
    ],
  },
  'subsecond-time': {
    what: 'times with fractions, which the format rounds to seconds or drops',
    layers: () => [
      layer((tar) =>
        tar
          .file('f', 'data\n', { mtime: TIME + 0.4 })
          .file('g', 'data\n', { mtime: TIME + 0.9875 }),
      ),
    ],
  },
  'far-time': {
    what: 'times after 2446',
    layers: () => [
      layer((tar) =>
        tar
          .file('f', 'data\n', { pax: { mtime: '17179869184' } })
          .file('g', 'data\n', { pax: { mtime: '100000000000' } }),
      ),
    ],
    reference: 'tar',
    why: 'umoci unpacks to ext4, which ends in 2446',
  },
  'base256-uid': {
    what: "an owner of 3,000,000,000, in GNU's binary form",
    layers: () => [layer((tar) => tar.file('f', 'data\n', at({ uid: 3_000_000_000 })), 'gnu')],
  },
  'xattr-empty': {
    what: 'an attribute without a value',
    layers: () => [layer((tar) => tar.file('f', 'data\n', at({ xattrs: { 'user.empty': '' } })))],
    reference: 'tar',
    why: 'umoci drops it',
  },
  'xattr-large': {
    what: 'an attribute of 3,900 bytes',
    layers: () => [
      layer((tar) => tar.file('f', 'data\n', at({ xattrs: { 'user.large': 'x'.repeat(3900) } }))),
    ],
  },
  'xattr-trusted': {
    what: 'attributes that only root sees',
    layers: () => [
      layer((tar) =>
        tar
          .file('f', 'data\n', at({ xattrs: { 'trusted.x': '1' } }))
          .directory('d/', at({ xattrs: { 'trusted.y': '2' } })),
      ),
    ],
  },
  'xattr-acl': {
    what: 'an access control list',
    layers: () => [
      layer((tar) =>
        tar.file('f', 'data\n', at({ mode: 0o670, xattrs: { 'system.posix_acl_access': ACL } })),
      ),
    ],
  },
  'xattr-symlink': {
    what: 'an attribute of a symbolic link',
    layers: () => [layer((tar) => tar.symlink('s', 'f', at({ xattrs: { 'trusted.s': '1' } })))],
  },
  'capability-v3': {
    what: 'a capability of a user namespace',
    layers: () => [
      layer((tar) =>
        tar.file('f', 'data\n', at({ xattrs: { 'security.capability': CAPABILITY_3 } })),
      ),
    ],
  },

  // dialects of tar
  'gnu-sparse': {
    what: "a sparse file in GNU's old form, with more extents than one header holds",
    layers: async () => [bytes(await sparseTar(['--format=gnu']))],
    reference: 'tar',
    why: 'umoci does not know type S',
  },
  'pax-sparse-0.0': {
    what: 'a sparse file, its map in records',
    layers: async () => [bytes(await sparseTar(['--format=posix', '--sparse-version=0.0']))],
  },
  'pax-sparse-1.0': {
    what: 'a sparse file, its map before the data',
    layers: async () => [bytes(await sparseTar(['--format=posix', '--sparse-version=1.0']))],
  },
  'pax-global': {
    what: 'a global header, as git archive writes',
    layers: () => [
      layer((tar) => tar.global({ comment: '0'.repeat(40) }).file('f', 'global\n', at())),
    ],
    reference: 'tar',
    why: 'umoci does not know type g',
  },
  'pax-unknown-keys': {
    what: 'records that nobody knows',
    layers: () => [
      layer((tar) =>
        tar.file(
          'f',
          'data\n',
          at({ pax: { 'LIBARCHIVE.creationtime': '1600000000', 'VENDOR.x': 'y' } }),
        ),
      ),
    ],
  },
  'v7-header': {
    what: 'a header of before POSIX: no magic, a directory by its slash',
    layers: () => {
      const old = { 156: '\0', 257: '\0'.repeat(8) }
      const [file, data] = cut(testTar().file('f', 'v7\n', at()).bytes({ end: false }))
      const [folder, end] = cut(testTar().directory('d/', at()).bytes())
      return [bytes(Buffer.concat([patched(file, old), data, patched(folder, old), end]))]
    },
  },
  'contiguous-file': {
    what: 'type 7, a contiguous file, to be read as an ordinary one',
    layers: () => [layer((tar) => tar.file('f', 'type 7\n', at({ typeflag: '7' })))],
    reference: 'tar',
    why: 'umoci does not know type 7',
  },

  // ends
  'no-end': {
    what: 'no blocks of zeros at the end',
    layers: () => [
      bytes(testTar().file('f', 'data\n', at()).file('g', 'data\n', at()).bytes({ end: false })),
    ],
  },
  'half-end': {
    what: 'one block of zeros at the end',
    layers: () => [
      bytes(
        Buffer.concat([
          testTar().file('f', 'data\n', at()).bytes({ end: false }),
          Buffer.alloc(512),
        ]),
      ),
    ],
  },
  'padded-end': {
    what: '20 blocks of zeros at the end',
    layers: () => [
      bytes(Buffer.concat([testTar().file('f', 'data\n', at()).bytes(), Buffer.alloc(9216)])),
    ],
  },
  'junk-end': {
    what: 'anything after the two blocks of zeros',
    layers: () => [
      bytes(
        Buffer.concat([
          testTar().file('f', 'data\n', at()).bytes(),
          twoFiles().subarray(30_000, 32_048),
        ]),
      ),
    ],
  },
  'empty-layer': {
    what: 'layers without an entry below and above',
    layers: () => [layer(() => undefined), below(), layer(() => undefined)],
  },
  'one-empty-file': {
    what: 'nothing but a file of no bytes',
    layers: () => [layer((tar) => tar.file('f', '', at()))],
  },
  'only-root': {
    what: 'nothing but the root directory',
    layers: () => [layer((tar) => tar.directory('./', at({ mode: 0o700, uid: 4 })))],
  },
  'many-layers': {
    what: '60 layers that all have one file in common',
    layers: () =>
      Array.from({ length: 60 }, (_, i) =>
        layer((tar) => tar.file(`layer-${i}`, 'data\n', at()).file('same', `${i}\n`, at())),
      ),
  },

  // compression
  'gzip-members': {
    what: 'several gzip members, as parallel compressors write',
    layers: () => [buildLayer(twoFiles(), { members: 5 })],
  },
  'gzip-header': {
    what: 'a gzip header with every optional field',
    layers: () => [
      bytes(twoFiles(), (tar) => {
        // RFC 1952: FEXTRA, FNAME and FCOMMENT behind the ten bytes, before the data.
        const plain = gzipSync(tar)
        const optional = Buffer.from('\x04\x00XY\x00\x00layer.tar\0a comment\0', 'latin1')
        const fixed = Buffer.from('\x1f\x8b\x08\x1c\x01\x02\x03\x04\x02\x03', 'latin1')
        return Buffer.concat([fixed, optional, plain.subarray(10)])
      }),
    ],
  },
  'gzip-stored': {
    what: 'gzip that stores without compressing',
    layers: () => [bytes(twoFiles(), (tar) => gzipSync(tar, { level: 0 }))],
  },
  'zstd-frames': {
    what: 'several zstd frames',
    layers: () => [buildLayer(twoFiles(), { compression: 'zstd', members: 3 })],
  },
  uncompressed: {
    what: 'a plain tar',
    layers: () => [buildLayer(twoFiles(), { compression: 'none' })],
  },
}

/** The first header of a tar, and what follows. */
function cut(tar: Uint8Array): [Uint8Array, Uint8Array] {
  return [tar.subarray(0, 512), tar.subarray(512)]
}
