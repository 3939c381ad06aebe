/** Kinds of damage that a conversion might do, and what is said of each. Digests of the damaged blob are all right. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { isAccelError } from '../errors/accel-error.ts'
import { encodeFooter } from '../formats/estargz/footer.ts'
import { openEstargz } from '../formats/estargz/read.ts'
import type { Toc, TocEntry } from '../formats/estargz/toc.ts'
import { compareTrees } from '../formats/listing/compare.ts'
import { CONTENT_DIGESTER } from '../formats/listing/content-hash.ts'
import { digestFunction } from '../formats/nydus-blob/chunk-digest.ts'
import { digestOf } from '../oci/digest.ts'
import { inlineHost } from '../testing/inline-host.ts'
import { memoryFile } from '../testing/memory-file.ts'
import { testTar } from '../testing/tar-builder.ts'
import { readLazyLayer } from './lazy-layer.ts'
import { InflatedLayerRecord, type InflatedLayer } from '../drivers/estargz/inflated-layer.ts'
import { run as inflateBack } from '../drivers/estargz/inflate-back-batch.ts'
import { viewInflated } from './inflated-view.ts'
import { treeOf } from './listing-data.ts'

const golden = readFileSync(new URL('../../test/fixtures/estargz/chunk64k.esgz', import.meta.url))

const readOf =
  (blob: Uint8Array) =>
  async (offset: number, length: number): Promise<Uint8Array> =>
    blob.subarray(offset, offset + length)

const opened = await openEstargz(readOf(golden), { what: 'golden', size: golden.length })
const original = await readLazyLayer(inlineHost(), memoryFile(golden), {
  what: 'golden',
  format: 'estargz',
})

/** The blob with another table of contents. */
function withToc(change: (toc: Toc) => void): Uint8Array {
  const toc = structuredClone(opened.toc)
  change(toc)
  const tar = testTar().file('stargz.index.json', JSON.stringify(toc)).bytes()
  const before = golden.subarray(0, opened.tocOffset)
  return Buffer.concat([before, gzipSync(tar), encodeFooter(opened.tocOffset)])
}

const row = (toc: Toc, name: string, type?: string): TocEntry =>
  toc.entries.find((one) => one.name === name && (type === undefined || one.type === type))!

const changed = (name: string, change: Partial<TocEntry>) => (): Uint8Array =>
  withToc((toc) => void Object.assign(row(toc, name), change))

/**
 * The blob with other content in `usr/xattr`, and its digests. The new member is as long as the one whose place it
 * takes: an extra field in its header fills the rest (RFC 1952, 2.3.1.1).
 */
function otherContent(): Uint8Array {
  const start = row(opened.toc, 'usr/xattr').offset!
  const end = row(opened.toc, 'usr/ping').offset!
  const tar = gunzipSync(golden.subarray(start, end))
  const content = tar.subarray(0, row(opened.toc, 'usr/xattr').size)
  content.set(Buffer.from('HELLO'))
  const plain = gzipSync(tar, { level: 9 })
  const FEXTRA = 4
  plain[3] = FEXTRA
  const extra = Buffer.alloc(end - start - plain.length)
  extra.writeUInt16LE(extra.length - 2)
  const member = Buffer.concat([plain.subarray(0, 10), extra, plain.subarray(10)])
  const digest = digestOf(content)
  const blob = withToc(
    (toc) => void Object.assign(row(toc, 'usr/xattr'), { digest, chunkDigest: digest }),
  )
  blob.set(member, start)
  return blob
}

/** Damage, and what is said: `PATH FIELD` of a difference, or words of a finding or error. */
const cases: [string, () => Uint8Array, string | RegExp][] = [
  ['a mode', changed('usr/ping', { mode: 0o644 }), 'usr/ping mode'],
  ['a set-uid bit that is lost', changed('bin/suid', { mode: 0o755 }), 'bin/suid mode'],
  ['an owner', changed('bin/suid', { uid: 0 }), 'bin/suid uid'],
  ['a group', changed('dev/loop7', { gid: 0 }), 'dev/loop7 gid'],
  ['a time', changed('etc/hosts', { modtime: '2023-11-14T22:13:21Z' }), 'etc/hosts mtime'],
  ['a time that is none', changed('etc/hosts', { modtime: 'soon' }), /etc\/hosts: its time/],
  ['a link target', changed('bin/sym', { linkName: '../etc/host' }), 'bin/sym link target'],
  ['a hard link to another file', changed('bin/link', { linkName: 'etc/hosts' }), 'bin/link uid'],
  ['a hard link to nothing', changed('bin/link', { linkName: 'none' }), /bin\/link.*not there/],
  ['a device number', changed('dev/null', { devMinor: 5 }), 'dev/null device'],
  ['a type', changed('dev/fifo', { type: 'char', devMajor: 1 }), 'dev/fifo type'],
  ['a name', changed('etc/empty', { name: 'etc/emtpy' }), 'etc/empty path'],
  [
    'an attribute',
    changed('usr/xattr', { xattrs: { 'user.note': 'eA==' } }),
    'usr/xattr xattr user.note',
  ],
  [
    'a capability that is lost',
    changed('usr/ping', { xattrs: {} }),
    'usr/ping xattr security.capability',
  ],
  ['a digest of a file', changed('etc/hosts', { digest: digestOf('x') }), /etc\/hosts: its digest/],
  [
    'a digest of a chunk',
    changed('usr/frac', { chunkDigest: digestOf('x') }),
    /usr\/frac: the digest of its chunk at 0/,
  ],
  [
    'a digest of a later chunk',
    () =>
      withToc(
        (toc) =>
          void Object.assign(row(toc, 'usr/big.txt', 'chunk'), { chunkDigest: digestOf('x') }),
      ),
    /usr\/big\.txt: the digest of its chunk at 65536/,
  ],
  [
    'the chunk of another file',
    () =>
      withToc((toc) => {
        const { offset, digest, chunkDigest } = row(toc, 'usr/frac')
        Object.assign(row(toc, 'usr/mtime0'), { offset, digest, chunkDigest })
      }),
    /usr\/mtime0/,
  ],
  ['a place in the middle of a member', changed('usr/frac', { offset: 82777 }), /gzip ends/],
  ['a place before a file begins', changed('usr/frac', { innerOffset: 1 }), /usr\/frac/],
  ['a size', changed('usr/frac', { size: 16 }), /usr\/frac/],
  [
    'a chunk that is missing',
    () =>
      withToc((toc) => {
        const at = toc.entries.findIndex(
          ({ type, name }) => type === 'chunk' && name === 'usr/zeros.bin',
        )
        toc.entries.splice(at, 1)
      }),
    /does not continue a file/,
  ],
  [
    'a file that is missing',
    () => withToc((toc) => void toc.entries.splice(toc.entries.indexOf(row(toc, 'etc/hosts')), 1)),
    'etc/hosts path',
  ],
  [
    'a file too many',
    () => withToc((toc) => void toc.entries.push({ name: 'more', type: 'reg', mode: 0o644 })),
    'more path',
  ],
  [
    'a directory that hides what was in it',
    () =>
      withToc((toc) => void toc.entries.push({ name: 'etc', type: 'symlink', linkName: 'usr' })),
    'etc type',
  ],
  ['other content with its own digests', otherContent, 'usr/xattr content'],
  ['an end that is cut off', () => golden.subarray(0, golden.length - 1), /there is no footer/],
  [
    'a footer that points elsewhere',
    () => Buffer.concat([golden.subarray(0, golden.length - 51), encodeFooter(0)]),
    /./,
  ],
  [
    'a flipped bit in a chunk',
    () => flipped(row(opened.toc, 'usr/big.txt').offset! + 200),
    /gzip|usr\/big/,
  ],
  ['a flipped bit in the TOC', () => flipped(opened.tocOffset + 900), /./],
]

function flipped(at: number): Uint8Array {
  const blob = Buffer.from(golden)
  blob[at]! ^= 4
  return blob
}

/** All that is said of a blob. */
async function said(blob: Uint8Array): Promise<string[]> {
  try {
    const view = await readLazyLayer(inlineHost(), memoryFile(blob), {
      what: 'a layer',
      format: 'estargz',
    })
    const [source, lazy] = [treeOf([original.lazy]), treeOf([view.lazy])]
    return [
      ...compareTrees(source, lazy).differences.map(({ path, field }) => `${path} ${field}`),
      ...view.findings.kept.map(({ path, problem }) => `${path}: ${problem}`),
      ...lazy.problems,
    ]
  } catch (error) {
    assert(isAccelError(error), String(error))
    return [error.message]
  }
}

/** What a writer would know of the members of the golden blob. `toc`: the tar that its last one has. */
function recordOf(toc: Uint8Array): InflatedLayer {
  const record = new InflatedLayerRecord('golden')
  const rows = opened.toc.entries.filter(({ offset }) => offset !== undefined && offset > 0)
  const starts = [0, ...rows.map(({ offset }) => offset!)]
  for (const [i, start] of starts.entries()) {
    const stored = golden.subarray(start, starts[i + 1] ?? opened.tocOffset)
    const bytes = gunzipSync(stored)
    const row = i === 0 ? undefined : rows[i - 1]!
    const size = row === undefined ? 0 : row.chunkSize || left(row)
    const parts = Uint32Array.from(size === 0 ? [] : [0, size])
    const batch = {
      codec: { format: 'gzip', level: 1 },
      ends: Uint32Array.of(bytes.length),
      parts,
    } as const
    const made = inflateBack(batch, Uint8Array.from(bytes), new Uint8Array(bytes.length + 1024))
    const sizes = Uint32Array.of(stored.length)
    record.take(bytes, batch, { ...made, sizes, stored: digestFunction(CONTENT_DIGESTER)(stored) })
  }
  record.takeLong(toc)
  return record.finish(original.diffId)!
}

/** Bytes of its file from a row on that does not say how many are its own. */
function left({ name, chunkOffset = 0 }: TocEntry): number {
  return (row(opened.toc, name, 'reg').size ?? 0) - chunkOffset
}

/** Whether a blob that was made as the golden one passes, although it holds what another has than was meant. */
async function passes(blob: Uint8Array): Promise<boolean> {
  const { tocOffset } = opened
  // A writer's own mistake: what it wrote is what it says that it wrote.
  const toc = blob.length > tocOffset ? tocOf(blob.subarray(tocOffset)) : new Uint8Array(0)
  const view = await viewInflated(memoryFile(blob), recordOf(toc), {
    what: 'a layer',
    format: 'estargz',
  })
  if (view === undefined) return false
  const [source, lazy] = [treeOf([original.lazy]), treeOf([view.lazy])]
  return compareTrees(source, lazy).count + lazy.problems.length === 0
}

function tocOf(stored: Uint8Array): Uint8Array {
  try {
    return gunzipSync(stored)
  } catch {
    return new Uint8Array(0)
  }
}

suite('damage to an eStargz layer is noticed and named', () => {
  test('and nothing is said where there is none', async () => {
    assert.deepEqual(await said(withToc(() => {})), [])
    assert(await passes(withToc(() => {})))
    const view = await viewInflated(
      memoryFile(golden),
      recordOf(gunzipSync(golden.subarray(opened.tocOffset))),
      { what: 'golden', format: 'estargz' },
    )
    assert.deepEqual(view!.ordinary.bytes, original.ordinary.bytes)
    assert.deepEqual(view!.lazy.bytes, original.lazy.bytes)
  })

  for (const [name, damage, expected] of cases) {
    test(name, async () => {
      const blob = damage()
      assert(!(await passes(blob)))
      const lines = await said(blob)
      const found = lines.some((line) =>
        typeof expected === 'string' ? line === expected : expected.test(line),
      )
      assert(found, lines.join('\n'))
    })
  }
})
