/** Images made here, so that the interop tests need no others: what layers may legally hold, and an index. */
import { createHash } from 'node:crypto'
import {
  type BuiltImage,
  buildImage,
  buildIndex,
  buildLayer,
} from '../../src/testing/image-builder.ts'
import { type TestEntryInit, testTar } from '../../src/testing/tar-builder.ts'

/** By the name that they are pushed under. */
export const handmade: Record<string, () => BuiltImage> = { kinds, many, platforms }

const TIME = 1_600_000_000

function at(rest: TestEntryInit = {}): TestEntryInit {
  return { mtime: TIME, ...rest }
}

/** Bytes that do not compress, the same at every run. */
function noise(size: number, seed: string): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, i) =>
    createHash('sha256').update(`${seed} ${i}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, size)
}

/** Every kind of entry, and every way in which one layer changes another. */
function kinds(): BuiltImage {
  return buildImage({
    layers: [entries(), changes(), testTar(), again()].map((tar) => buildLayer(tar.bytes())),
    config: { config: { Env: ['PATH=/bin', 'EMPTY='], Cmd: ['/bin/sh'], User: '1000:1000' } },
  })
}

function entries(): ReturnType<typeof testTar> {
  const tar = testTar()
  for (const name of ['modes', 'owners', 'sizes', 'times', 'names', 'links', 'dev', 'xattrs']) {
    tar.directory(`${name}/`, at())
  }
  for (const mode of [0o000, 0o111, 0o400, 0o640, 0o4755, 0o2755, 0o1644, 0o7777]) {
    tar.file(`modes/${mode.toString(8)}`, 'data\n', at({ mode }))
  }
  tar
    .directory('modes/sticky/', at({ mode: 0o1777 }))
    .directory('modes/setgid/', at({ mode: 0o2775, gid: 50 }))
  for (const id of [0, 1, 65_534, 2_097_151, 2_097_152, 4_000_000_000]) {
    tar.file(`owners/${id}`, 'data\n', at({ uid: id, gid: Math.max(0, id - 1) }))
  }
  // around the blocks of tar, the pages of memory and the chunks of the format
  for (const size of [
    0, 1, 511, 512, 513, 4095, 4096, 4097, 65_536, 1_048_577, 4_194_304, 4_194_305, 9_437_185,
  ]) {
    tar.file(`sizes/${size}`, noise(size, `${size}`), at())
  }
  tar.file('sizes/zeros', Buffer.alloc(16 * 1024 * 1024), at())
  tar
    .file('sizes/same-1', noise(200_000, 'same'), at())
    .file('sizes/same-2', noise(200_000, 'same'), at())
  for (const mtime of [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32]) {
    tar.file(`times/${mtime}`, 'data\n', { mtime })
  }
  const long = ['n'.repeat(93), 'n'.repeat(94), 'n'.repeat(95), 'c'.repeat(255)]
  const odd = [
    'with space',
    'tab\there',
    'line\nend',
    'back\\slash',
    '"quote\'',
    '-dash',
    '%41',
    '*?[x]',
    '...',
    'a=b',
  ]
  for (const name of [...long, ...odd, 'é', 'e\u0301', '日本語', '🐳', '\u0001\u007f']) {
    tar.file(`names/${name}`, 'data\n', at())
  }
  let deep = 'names'
  for (let depth = 0; depth < 16; depth++) {
    deep += `/${'d'.repeat(100)}`
    tar.directory(`${deep}/`, at())
  }
  tar.file(`${deep}/leaf`, 'data\n', at()).symlink(`${deep}/up`, `${'../'.repeat(17)}etc`, at())
  tar.file(
    'links/file',
    'linked\n',
    at({ mode: 0o640, uid: 7, xattrs: { 'user.of-the-file': 'yes' } }),
  )
  tar.hardlink('links/hard', 'links/file', at({ mode: 0o640, uid: 7 }))
  tar.hardlink('names/hard', 'links/file', at({ mode: 0o640, uid: 7 }))
  for (const target of [
    'file',
    '/etc/passwd',
    '../etc',
    'no/such',
    '.',
    '..//etc///',
    '日本語',
    'y/'.repeat(2000),
  ]) {
    tar.symlink(`links/to-${target.length}-${target.charCodeAt(0)}`, target, at({ uid: 3, gid: 4 }))
  }
  tar
    .character('dev/null', 1, 3, at({ mode: 0o666 }))
    .block('dev/loop0', 7, 0, at({ mode: 0o660, gid: 6 }))
  tar.character('dev/largest', 4095, 1_048_575, at()).fifo('dev/fifo', at({ mode: 0o622 }))
  tar.directory('xattrs/directory/', at({ xattrs: { 'user.of-a-directory': '1' } }))
  const binary = Buffer.from(Array.from({ length: 255 }, (_, i) => i + 1))
  const several = {
    'user.b': '2',
    'user.a': '1',
    'user.zero': 'a\0b\0',
    'user.line': 'a\nb=c\n',
    'user.binary': binary,
  }
  tar.file(
    'xattrs/several',
    'data\n',
    at({ xattrs: { ...several, 'user.long': 'v'.repeat(2000), 'user.é': 'ü' } }),
  )
  // cap_net_raw=ep. Source: linux capability.h, vfs_cap_data
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')
  tar.file(
    'xattrs/ping',
    noise(5000, 'ping'),
    at({ mode: 0o755, xattrs: { 'security.capability': capability } }),
  )
  for (const name of [
    '',
    'kept/',
    'gone/',
    'gone/below/',
    'opaque/',
    'opaque/below/',
    'to-file/',
    'to-link/',
    'meta/',
    'twice/',
  ]) {
    tar.directory(`change/${name}`, at())
  }
  const files = [
    'removed',
    'back',
    'to-dir',
    'to-symlink',
    'to-hardlink',
    'chmod',
    'content',
    'emptied',
    '.hidden',
  ]
  const inside = [
    'kept/f',
    'gone/f',
    'gone/below/f',
    'opaque/old',
    'opaque/below/old',
    'to-file/f',
    'meta/f',
    'twice/a',
    'twice/b',
  ]
  for (const name of [...files, ...inside]) tar.file(`change/${name}`, `${name} below\n`, at())
  tar.file('change/hard-a', 'one file\n', at()).hardlink('change/hard-b', 'change/hard-a', at())
  tar.hardlink('change/hard-c', 'change/hard-a', at())
  return tar.symlink('change/link', 'kept', at()).character('change/device', 1, 5, at())
}

function changes(): ReturnType<typeof testTar> {
  const tar = testTar().directory('change/', at())
  for (const name of ['removed', 'gone', 'back', '.hidden', 'hard-a', 'link'])
    tar.whiteout(`change/${name}`)
  tar.directory('change/opaque/', at({ mode: 0o700, uid: 9 })).opaque('change/opaque')
  tar.file('change/opaque/new', 'new\n', at())
  tar.file('change/to-file', 'was a directory\n', at()).symlink('change/to-link', 'kept', at())
  tar.directory('change/to-dir/', at()).file('change/to-dir/f', 'was a file\n', at())
  tar.symlink('change/to-symlink', 'kept/f', at())
  tar.file('change/content', 'above\n', at({ mtime: TIME + 100 }))
  tar.hardlink('change/to-hardlink', 'change/content', at({ mtime: TIME + 100 }))
  tar.file('change/chmod', 'chmod below\n', at({ mode: 0o4711, uid: 11 }))
  tar.file('change/emptied', '', at()).file('change/device', 'was a device\n', at())
  tar.directory(
    'change/meta/',
    at({ mode: 0o1770, uid: 12, gid: 13, xattrs: { 'user.late': '1' } }),
  )
  return tar.directory('change/twice/', at()).whiteout('change/twice/a')
}

function again(): ReturnType<typeof testTar> {
  const tar = testTar()
    .directory('./', at({ mode: 0o755 }))
    .directory('change/', at())
  tar.file('change/back', 'back again\n', at({ mtime: TIME + 200 }))
  tar.directory('change/gone/', at()).file('change/gone/only', 'the old ones stay away\n', at())
  tar
    .directory('change/twice/', at())
    .whiteout('change/twice/b')
    .file('change/twice/a', 'third\n', at())
  tar
    .whiteout('change/to-dir')
    .directory('change/to-link/', at())
    .file('change/to-link/f', 'a directory again\n', at())
  return tar.directory('change/opaque/', at({ mode: 0o700, uid: 9 })).whiteout('change/opaque/new')
}

/** So many files that the table of contents has more than 4 MiB. */
function many(): BuiltImage {
  const tar = testTar().directory('many/', at())
  for (let i = 0; i < 12_000; i++)
    tar.file(`many/${'n'.repeat(200)}-${i}`, i % 10 === 0 ? `${i}\n` : '', at())
  return buildImage({ layers: [buildLayer(tar.bytes())] })
}

/** Has some of the files of `kinds`, and one of its own: a chunk dictionary for it. */
export function dictionary(): BuiltImage {
  const tar = testTar().directory('sizes/', at())
  for (const size of [4097, 1_048_577, 4_194_305]) {
    tar.file(`sizes/${size}`, noise(size, `${size}`), at())
  }
  return buildImage({ layers: [buildLayer(tar.file('own', noise(9000, 'own'), at()).bytes())] })
}

/** An index of two platforms with one layer in common. */
function platforms(): BuiltImage {
  const common = buildLayer(
    testTar().directory('etc/', at()).file('etc/common', 'data\n', at()).bytes(),
  )
  const images = ['amd64', 'arm64'].map((architecture) => {
    const own = testTar()
      .directory('etc/', at())
      .file('etc/architecture', `${architecture}\n`, at())
    return buildImage({
      layers: [common, buildLayer(own.bytes())],
      platform: { os: 'linux', architecture, ...(architecture === 'arm64' && { variant: 'v8' }) },
    })
  })
  return buildIndex(images)
}
