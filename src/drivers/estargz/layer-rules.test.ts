import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { openEstargz, type Estargz } from '../../formats/estargz/read.ts'
import type { TocEntry } from '../../formats/estargz/toc.ts'
import { cleanPath } from '../../formats/tar/path.ts'
import { TarReader } from '../../formats/tar/reader.ts'
import { openStreamHash } from '../../streams/twin-hash.ts'
import { inlineHost } from '../../testing/inline-host.ts'
import { testTar, type TarBuilder } from '../../testing/tar-builder.ts'
import { layerContent } from '../content-table.ts'
import type { LowerAnswers, LowerEntry } from '../layer-content.ts'
import { LayerBuild, type BuiltLayer } from './layer-build.ts'

interface Built extends BuiltLayer {
  layer: Estargz | undefined
}

/** Converts a tar in this thread and reads the result. */
async function build(tar: TarBuilder, lower?: LowerAnswers): Promise<Built> {
  const pieces: Uint8Array[] = []
  const host = inlineHost(1024 * 1024)
  const layerBuild = new LayerBuild(host, {
    what: 'a layer',
    format: { kind: 'estargz', level: 1, chunkSize: 65_536, minChunkSize: 0 },
    lower,
    output: { write: (bytes) => void pieces.push(bytes.slice()), tarHash: openStreamHash() },
  })
  await layerBuild.landmark(false)
  const reader = new TarReader({ what: 'a layer' })
  reader.push(tar.bytes())
  reader.end()
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    await layerBuild.take(event)
  }
  const built = await layerBuild.finish()
  assert.equal(host.taken, 0, 'all slabs are given back')
  if (built.blob === undefined) return { ...built, layer: undefined }
  const blob = Buffer.concat(pieces)
  assert.equal(blob.length, built.blob.size)
  const readAt = async (offset: number, length: number): Promise<Uint8Array> =>
    blob.subarray(offset, offset + length)
  return { ...built, layer: await openEstargz(readAt, { what: 'it', size: blob.length }) }
}

/** The rows but for the landmark, each as `type name [-> target]`. */
async function rows(tar: TarBuilder, lower?: LowerAnswers): Promise<string[]> {
  const { layer, kept } = await build(tar, lower)
  assert.equal(kept, undefined)
  return layer!.toc.entries
    .slice(1)
    .map(({ type, name, linkName }) =>
      linkName === undefined ? `${type} ${name}` : `${type} ${name} -> ${linkName}`,
    )
}

async function textOf(layer: Estargz, path: string): Promise<string> {
  let text = ''
  for await (const bytes of layer.readFile(layer.entry(path)!))
    text += Buffer.from(bytes).toString()
  return text
}

function below(paths: Record<string, LowerEntry>, ...rootNames: string[]): LowerAnswers {
  return { paths: new Map(Object.entries(paths)), rootNames }
}

const directory: LowerEntry = {
  kind: 'directory',
  metadata: { mode: 0o700, uid: 5, gid: 6, mtime: 7, mtimeNanoseconds: 8 },
}

suite('names that come twice', () => {
  test('the later file stays, and hard links keep what they were made of', async () => {
    const { layer } = await build(
      testTar()
        .file('f', 'first')
        .hardlink('g', 'f')
        .hardlink('h', 'f')
        .hardlink('i', 'g')
        .file('f', 'second')
        .hardlink('j', 'f'),
    )
    const texts = await Promise.all(['f', 'g', 'h', 'i', 'j'].map((path) => textOf(layer!, path)))
    assert.deepEqual(texts, ['second', 'first', 'first', 'first', 'second'])
    assert.equal(layer!.toc.entries.filter((entry) => cleanPath(entry.name) === 'f').length, 1)
  })

  test('a link whose name in between is replaced still finds its file', async () => {
    const { layer } = await build(
      testTar().file('f', 'first').hardlink('g', 'f').hardlink('h', 'g').file('g', 'second'),
    )
    assert.equal(await textOf(layer!, 'h'), 'first')
    assert.equal(await textOf(layer!, 'g'), 'second')
  })

  test('a directory that becomes a file takes what was in it along', async () => {
    const tar = testTar().directory('d/').file('d/f', 'x').whiteout('d/g').file('d', 'now a file')
    assert.deepEqual(await rows(tar), ['reg d'])
  })

  test('a file in a directory of several chunks is replaced with all of them', async () => {
    const tar = testTar().file('f', 'x'.repeat(150_000)).file('f', 'y')
    assert.deepEqual(await rows(tar), ['reg f'])
  })

  test('who replaces directories again and again is not followed', async () => {
    const tar = testTar()
    for (let i = 0; i < 20; i++) tar.directory('d/').file('d/f').file('d')
    assert.match((await build(tar)).kept!, /again and again/)
  })
})

suite('whiteouts', () => {
  test('what the layer itself has wins, whichever comes first', async () => {
    const before = testTar().whiteout('f').file('f', 'x')
    const after = testTar().file('f', 'x').whiteout('f')
    assert.deepEqual(await rows(before), ['reg f'])
    assert.deepEqual(await rows(after), ['reg f'])
  })

  test('a directory that wins is opaque', async () => {
    const before = testTar().whiteout('d').directory('d/').file('d/f')
    const after = testTar().directory('d/').file('d/f').whiteout('d')
    assert.deepEqual(await rows(before), ['dir d/', 'reg d/.wh..wh..opq', 'reg d/f'])
    assert.deepEqual(await rows(after), ['dir d/', 'reg d/f', 'reg d/.wh..wh..opq'])
    const { content, questions } = await build(before)
    assert(layerContent({ table: content, questions: questions }).opaque('d'))
  })

  test('a directory that wins without an entry of its own gets one, of which nothing is below', async () => {
    const { layer, questions } = await build(testTar().whiteout('d').file('d/f'))
    const names = layer!.toc.entries.slice(1).map((entry) => entry.name)
    assert.deepEqual(names, ['d/f', 'd/', 'd/.wh..wh..opq'])
    assert.deepEqual(
      questions.map((question) => question.about === 'path' && question.path),
      [''],
    )
  })

  test('one that hides nothing is asked about, and dropped when that is known', async () => {
    const tar = testTar().whiteout('there').whiteout('not-there')
    const { questions } = await build(tar)
    assert.deepEqual(questions.slice(1), [
      { about: 'path', path: 'there', matters: 'absent' },
      { about: 'path', path: 'not-there', matters: 'absent' },
    ])
    assert.deepEqual(await rows(tar, below({ there: { kind: 'other' } })), ['reg .wh.there'])
  })

  test('an opaque root becomes whiteouts of what is below', async () => {
    const tar = testTar().opaque('').directory('d/').file('f').whiteout('known')
    const { questions } = await build(tar)
    assert.deepEqual(questions.at(-1), { about: 'root-names' })
    const answers = below({ known: { kind: 'other' } }, 'a', 'd', 'f', 'known')
    assert.deepEqual((await rows(tar, answers)).slice(-2), ['reg .wh.a', 'reg d/.wh..wh..opq'])
  })

  test('what aufs left is dropped; a whiteout of nothing keeps the layer', async () => {
    const aufs = testTar()
      .file('.wh..wh.aufs')
      .directory('.wh..wh.plnk/')
      .file('.wh..wh.plnk/1', 'x')
    assert.deepEqual(await rows(aufs.file('f')), ['reg f'])
    assert.match((await build(testTar().file('d/.wh.'))).kept!, /whiteout of nothing/)
  })
})

suite('directories without an entry', () => {
  test('are asked about, and get the metadata of those below', async () => {
    const tar = testTar().file('a/b/f')
    assert.deepEqual(await rows(tar), ['reg a/b/f', 'dir a/', 'dir a/b/'])
    const { questions } = await build(tar)
    assert.deepEqual(questions.slice(1), [
      { about: 'path', path: 'a', matters: 'present' },
      { about: 'path', path: 'a/b', matters: 'present' },
    ])
    const { layer } = await build(tar, below({ 'a/b': directory }))
    const { mode, uid, gid, modtime } = layer!.entry('a/b')!
    const expected = { mode: 0o700, uid: 5, gid: 6, modtime: '1970-01-01T00:00:07.000000008Z' }
    assert.deepEqual({ mode, uid, gid, modtime }, expected)
    assert.equal(layer!.entry('a')!.mode, 0o755)
  })

  test('are not made up where their entry comes later', async () => {
    assert.deepEqual(await rows(testTar().file('d/f').directory('d/')), ['reg d/f', 'dir d/'])
  })

  test('the root gets an entry where the one below is not as readers suppose', async () => {
    assert.deepEqual(await rows(testTar().file('f'), below({ '': directory })), ['reg f', 'dir ./'])
    assert.deepEqual(await rows(testTar().file('f'), below({})), ['reg f'])
  })

  test('links below and above them keep the layer', async () => {
    const link = below({ s: { kind: 'symlink' } })
    assert.match((await build(testTar().file('s/f'), link)).kept!, /symbolic link in a layer below/)
    const own = await build(testTar().symlink('s', 'd').file('s/f'))
    assert.match(own.kept!, /behind the symbolic link "s"/)
    assert.match((await build(testTar().file('f').file('f/g'))).kept!, /below the file "f"/)
  })
})

suite('what the format cannot say', () => {
  const kept: Record<string, [TarBuilder, RegExp]> = {
    'a name that is not UTF-8': [testTar().file(Buffer.from([0x66, 0xff])), /not UTF-8/],
    'a link target that is not UTF-8': [testTar().symlink('s', Buffer.from([0xff])), /not UTF-8/],
    'a hard link to what is not there': [testTar().hardlink('h', 'f'), /does not have/],
    'hard links in a circle': [testTar().hardlink('a', 'b').hardlink('b', 'a'), /does not have/],
    'a hard link to itself': [testTar().hardlink('h', './h'), /to itself/],
    'a hard link to a directory': [testTar().directory('d/').hardlink('h', 'd'), /to a directory/],
    'a landmark of the user': [testTar().file('.prefetch.landmark', 'x'), /has a file named/],
    'a long landmark': [testTar().file('./.no.prefetch.landmark', 'xx'), /has a file named/],
    'a TOC that is none': [testTar().file('stargz.index.json', '{}'), /has a file named/],
    'a TOC that is not the last': [
      testTar().file('stargz.index.json', '{"version":1,"entries":[]}').file('f'),
      /has a file named/,
    ],
    'the folder of the snapshotter': [
      testTar().directory('.stargz-snapshotter/'),
      /has a file named/,
    ],
    'a time before the year 0': [testTar().file('f', '', { mtime: -1e12 }), /RFC 3339/],
    'a root that is a file': [testTar().file('./', ''), /root is a/],
  }
  for (const [what, [tar, reason]] of Object.entries(kept)) {
    test(`${what} keeps the layer`, async () => {
      const { kept: why, blob, questions } = await build(tar)
      assert.match(why!, reason)
      assert.equal(blob, undefined)
      assert.deepEqual(questions, [])
    })
  }

  test("a character device 0:0, an overlay's whiteout, is refused", async () => {
    await assert.rejects(build(testTar().character('c', 0, 0)), { code: 'DRIVER_ENTRY_REFUSED' })
  })

  test("an overlay's attributes are left out", async () => {
    const xattrs = { 'trusted.overlay.opaque': 'y', 'user.overlay.opaque': 'y', 'user.kept': '1' }
    const { layer, warnings } = await build(testTar().directory('d/', { xattrs }))
    assert.deepEqual(Object.keys(layer!.entry('d')!.xattrs!), ['user.kept'])
    assert.equal(warnings.length, 1)
  })

  test('a layer that is kept still tells what it holds', async () => {
    const tar = testTar().hardlink('h', 'lower').directory('d/', { mode: 0o700 }).symlink('s', 'd')
    const { content } = await build(tar.whiteout('gone'))
    const { at } = layerContent({ table: content, questions: [] })
    const kinds = ['h', 'd', 's', 'gone', 'none'].map((path) => at(path)?.kind)
    assert.deepEqual(kinds, ['other', 'directory', 'symlink', 'whiteout', undefined])
  })
})

suite('earlier conversions', () => {
  test('TOC and landmark of an eStargz layer are dropped', async () => {
    const tar = testTar()
      .file('.no.prefetch.landmark', '\u000f')
      .file('f', 'x')
      .file('stargz.index.json', '{\n\t"version": 1,\n\t"entries": []\n}')
    assert.deepEqual(await rows(tar), ['reg f'])
  })
})

suite('what layers above ask', () => {
  test('names of the root, opaque directories, metadata', async () => {
    const xattrs = { 'user.a': 'b' }
    const { content } = await build(
      testTar()
        .directory('d/', { mode: 0o711, mtime: 5, xattrs })
        .opaque('d')
        .file('e/f')
        .whiteout('w'),
    )
    const layer = layerContent({ table: content, questions: [] })
    assert.deepEqual(layer.rootNames().sort(), ['d', 'e'])
    assert(layer.opaque('d') && !layer.opaque('') && !layer.opaque('e'))
    assert.deepEqual(layer.at('d'), {
      kind: 'directory',
      metadata: {
        mode: 0o711,
        uid: 0,
        gid: 0,
        mtime: 5,
        mtimeNanoseconds: 0,
        xattrs: new Map([['user.a', new Uint8Array(Buffer.from('b'))]]),
      },
    })
    // It is a directory, but what it is like the layers below say.
    assert.equal(layer.at('e'), undefined)
  })
})

/** An entry of a random layer. */
type Step = {
  op: 'file' | 'directory' | 'symlink' | 'hardlink'
  path: string
  to: string
  id: number
}

/** What unpacking the steps gives: path to kind or content; undefined where an unpacker would fail or leave the layer. */
function unpacked(steps: readonly Step[]): Map<string, string> | undefined {
  const tree = new Map<string, string>()
  for (const { op, path, to, id } of steps) {
    for (let above = path; above.includes('/');) {
      above = above.slice(0, above.lastIndexOf('/'))
      const kind = tree.get(above) ?? 'dir'
      if (kind !== 'dir') return undefined
      tree.set(above, kind)
    }
    if (!(op === 'directory' && tree.get(path) === 'dir')) {
      if (op === 'hardlink' && (to === path || !tree.has(to) || tree.get(to) === 'dir'))
        return undefined
      const target = tree.get(to)
      for (const other of tree.keys()) if (other.startsWith(`${path}/`)) tree.delete(other)
      tree.delete(path)
      if (op === 'hardlink' && !tree.has(to)) return undefined
      tree.set(
        path,
        { file: `file ${id}`, directory: 'dir', symlink: 'symlink', hardlink: target! }[op],
      )
    }
  }
  return tree
}

test('random layers look lazily mounted as they do unpacked', async () => {
  const path = fc.constantFrom('a', 'b', 'c', 'a/a', 'a/b', 'b/a', 'a/a/a')
  const op = fc.constantFrom('file', 'directory', 'symlink', 'hardlink')
  const step = fc.record({ op, path, to: path, id: fc.integer({ min: 0, max: 99 }) })
  let compared = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const tar = testTar()
      for (const { op: kind, path: name, to, id } of steps) {
        if (kind === 'file') tar.file(name, `file ${id}`)
        else if (kind === 'directory') tar.directory(`${name}/`)
        else if (kind === 'symlink') tar.symlink(name, to)
        else tar.hardlink(name, to)
      }
      const expected = unpacked(steps)
      if (expected === undefined) return
      const { layer, kept } = await build(tar)
      assert.equal(kept, undefined)
      compared++
      const found = new Map<string, string>()
      for (const entry of layer!.toc.entries.slice(1)) {
        const name = cleanPath(entry.name)
        assert(!found.has(name), `${name} has two rows`)
        const real = layer!.entry(name) as TocEntry
        found.set(name, real.type === 'reg' ? await textOf(layer!, name) : real.type)
      }
      assert.deepEqual(found, expected)
    }),
    { numRuns: 400, seed: 1 },
  )
  assert(compared > 50, `${compared} layers were comparable`)
})
