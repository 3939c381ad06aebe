import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { isAccelError } from '../../errors/accel-error.ts'
import { BlobReader } from '../../formats/nydus-blob/blob-reader.ts'
import { readRafsV6 } from '../../formats/rafs-v6/read.ts'
import { openLayoutTarget } from '../../layout/location.ts'
import {
  buildImage,
  buildIndex,
  buildLayer,
  pushBuilt,
  type BuiltImage,
} from '../../testing/image-builder.ts'
import { startTestRegistry } from '../../testing/registry/test-registry.ts'
import { recordOutput } from '../../testing/service/recorded-output.ts'
import { testTar } from '../../testing/tar-builder.ts'
import { temporaryDirectory } from '../../testing/temporary-directory.ts'
import { runAccelctl } from '../accelctl.ts'
import { inspectLayer } from './layer.ts'

const fixtures = join(import.meta.dirname, '../../../test/fixtures')
const fixture = (name: string): Buffer => readFileSync(join(fixtures, name))
const smallBootstrap = join(fixtures, 'nydus/rafs-v6-2.2.boot')
const LAYER_BLOB = 'nydus/blobs/2fa78cad554b75ac91a4a125ed148d0ddeb25efa4aaa8bd80e5dc292690a4dca'

/** Runs `accelctl inspect`; what it said on standard error without its time. */
async function run(...argv: string[]): Promise<{ code: number; stdout: string; said: string }> {
  const stdout = recordOutput()
  const stderr = recordOutput()
  const io = { stdout, stderr, environment: {}, signal: new AbortController().signal }
  const openConversions = () => Promise.reject(new Error('nothing is converted'))
  const code = await runAccelctl(['inspect', ...argv], io, { openConversions })
  return { code, stdout: stdout.text, said: stderr.text.replaceAll(/time="[^"]+" /g, '') }
}

interface Shown {
  format: string
  tree: { path: string; chunks?: string[] }[]
  chunks: { digest: string; index: number; uncompressed: number; stored: string[] }[]
  bootstrap: Shown
  contents: Shown
  images: Shown[]
  layers: { what: string; digest: string }[]
  files: { names: number; bytes: number; hardLinks: number }
  [name: string]: unknown
}

/** The bootstrap inside a blob. */
async function bootstrapIn(name: string): Promise<Uint8Array | undefined> {
  const bytes = fixture(name)
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    Promise.resolve(bytes.subarray(offset, offset + length))
  return (await BlobReader.open({ size: bytes.length, read }, name)).bootstrap()
}

/** The same with `--json`, parsed. */
async function shown(...argv: string[]): Promise<Shown> {
  const { code, stdout, said } = await run(...argv, '--json')
  assert.deepEqual([code, said], [0, ''])
  return JSON.parse(stdout) as Shown
}

suite('files', () => {
  test('a v6 bootstrap, for people', async () => {
    const { code, stdout, said } = await run(smallBootstrap, '--tree')
    assert.deepEqual([code, said], [0, ''])
    const lines = stdout.split('\n')
    assert.deepEqual(lines.slice(0, 5), [
      'format      RAFS v6 bootstrap',
      'size        20480',
      'compressor  zstd',
      'digester    blake3',
      'chunkSize   1048576',
    ])
    assert.deepEqual(lines.slice(lines.indexOf('== tree')), [
      '== tree',
      'KIND  MODE  UID  GID   SIZE  MTIME                           LINKS  PATH',
      'd     0755    0    0      0  1970-01-01T00:00:00Z                2  /',
      '-     0644    0    0  16931  2023-02-19T15:12:33.628661334Z      1  /lib.rs',
      '-     0644    0    0  13400  2023-02-19T15:12:33.628993084Z      1  /sync_io.rs',
      '',
    ])
  })

  test('both versions of one Ubuntu root have the same names and chunks', async (t) => {
    const folder = await temporaryDirectory(t)
    const show = async (name: string): Promise<Shown> => {
      const path = join(folder, name)
      await writeFile(path, gunzipSync(fixture(`nydus/${name}.gz`)))
      return shown(path, '--tree', '--chunks')
    }
    const v6 = await show('v6-image-raw-size-438272.boot')
    const v5 = await show('v5-image.boot')
    assert.deepEqual([v6.format, v5.format], ['RAFS v6 bootstrap', 'RAFS v5 bootstrap'])
    assert.deepEqual([v6.files.names, v5.files.names], [3517, 3517])
    const paths = (of: Shown): string[] => of.tree.map(({ path }) => path)
    assert.deepEqual(paths(v6), paths(v5))
    const digests = (of: Shown): string[] => of.chunks.map(({ digest }) => digest).toSorted()
    assert.deepEqual(digests(v6), digests(v5))
    // Their addresses in the uncompressed blob differ: only those of v6 begin at whole blocks.
    const perl = (of: Shown) => of.tree.find(({ path }) => path === '/usr/bin/perl')?.chunks
    assert.equal(perl(v6)?.length, 4)
    assert.equal(perl(v5)?.length, 4)
  })

  test('a Nydus blob with its sections, chunks and the bootstrap inside', async () => {
    const blob = await shown(join(fixtures, LAYER_BLOB), '--chunks', '--tree')
    assert.equal(blob.format, 'Nydus blob')
    assert.deepEqual(
      (blob['sections'] as { name: string }[]).map(({ name }) => name),
      ['image.blob', 'blob.meta', 'image.boot', 'rafs.blob.toc'],
    )
    assert.equal(blob.chunks.length, 3)
    assert.deepEqual(
      blob.bootstrap.tree.map(({ path }) => path),
      ['/', '/error.rs', '/lib.rs', '/logger.rs'],
    )
  })

  test('an encrypted Nydus blob, by the key that its bootstrap has, which is not shown', async () => {
    const blob = await shown(join(fixtures, 'nydus/encrypted.nydus-blob'), '--chunks', '--tree')
    assert.deepEqual(
      blob.chunks.map(({ uncompressed, stored }) => [uncompressed, stored]),
      [
        [3200, ['compressed', 'encrypted', 'crc32 0x346033ce']],
        [9, ['encrypted', 'crc32 0x31484c7c']],
      ],
    )
    const { blobs } = readRafsV6((await bootstrapIn('nydus/encrypted.nydus-blob'))!, { what: 'x' })
    const key = Buffer.from(blobs[0]!.blobMetaDigest).toString('hex')
    assert.ok(!JSON.stringify(blob).includes(key.slice(0, 16)))
  })

  test('eStargz and zstd:chunked layers with landmark, names and chunks', async () => {
    const estargz = await shown(join(fixtures, 'estargz/prioritized.esgz'), '--tree', '--chunks')
    assert.equal(estargz.format, 'eStargz layer')
    assert.equal(estargz['landmark'], '.prefetch.landmark')
    assert.equal(typeof estargz['prefetchEnd'], 'number')
    for (const name of ['stargz-dialect', 'storage-dialect', 'union-full']) {
      const layer = await shown(join(fixtures, `zstd-chunked/${name}.zst`), '--tree')
      assert.equal(layer.format, 'zstd:chunked layer')
      assert.equal(layer['footer'], name === 'storage-dialect' ? 'containers' : 'stargz')
      assert.ok(layer.tree.some(({ path }) => path.endsWith('etc/hosts')))
    }
    const chunked = estargz.tree.map(({ path }) => path)
    assert.ok(estargz.chunks.every((chunk) => chunked.includes((chunk as never)['path'])))
  })

  test('an ordinary layer is called one', async (t) => {
    const path = join(await temporaryDirectory(t), 'layer')
    await writeFile(path, testTar().file('etc/hosts', 'x').bytes())
    assert.equal((await shown(path)).format, 'ordinary layer (tar)')
    assert.equal(
      (await shown(join(fixtures, 'estargz/input.tar.gz'))).format,
      'ordinary layer (tar, gzip)',
    )
  })

  test('names with control characters do not reach the terminal', async (t) => {
    const path = join(await temporaryDirectory(t), 'layer')
    const bytes = Buffer.from(fixture('nydus/rafs-v6-2.2.boot'))
    const at = bytes.indexOf('sync_io.rs')
    bytes.write('\u001b[2Jio.rs', at)
    // Sorted before the other name, which it stands behind: this is refused, and the name is in no message.
    await writeFile(path, bytes)
    assert.equal((await run(path, '--tree')).code, 1)
    bytes.write('sy\u001b[2Jo.rs', at)
    await writeFile(path, bytes)
    const { stdout } = await run(path, '--tree')
    assert.ok(stdout.includes(String.raw`/sy\x1b[2Jo.rs`))
    assert.ok(!(await run(path, '--tree', '--json')).stdout.includes('\u001b'))
  })
})

suite('damage', () => {
  test('what is wrong is said with the byte and what was expected', async (t) => {
    const path = join(await temporaryDirectory(t), 'damaged')
    const said = async (bytes: Uint8Array): Promise<string> => {
      await writeFile(path, bytes)
      const { code, said: text } = await run(path)
      assert.equal(code, 1)
      return text
    }
    const bootstrap = fixture('nydus/rafs-v6-2.2.boot')
    const wrong = Buffer.from(bootstrap)
    wrong.writeUInt32LE(0x1c, 1024 + 80)
    assert.match(await said(wrong), /RAFS v6 bootstrap at byte 1104: features 0x1c, known are 0xc/)
    const blob = fixture(LAYER_BLOB)
    const shifted = Buffer.concat([blob.subarray(0, 100), blob.subarray(200)])
    assert.match(await said(shifted), /Nydus blob at byte \d+: .*code=FORMAT_INVALID/)
    const short = Buffer.from(fixture('estargz/default.esgz'))
    short.write('00000000000fffff', short.length - 35)
    assert.match(await said(short), /invalid eStargz at byte \d+: the TOC is said to begin at /)
    assert.match(await said(Buffer.from('{"a":1}')), /7 bytes of no known format, they begin with/)
    assert.match(await said(Buffer.alloc(0)), /0 bytes of no known format/)
    const missing = await run(join(path, 'nowhere'))
    assert.match(missing.said, /cannot read .*nowhere: ENOTDIR.* code=CONFIG_UNREADABLE/)
  })

  const blobs = ['nydus/rafs-v6-2.2.boot', LAYER_BLOB, 'estargz/default.esgz'].map(fixture)
  for (const [i, blob] of blobs.entries()) {
    test(`any damage to fixture ${i} is an error of the catalogue, or none`, async () => {
      const place = fc.oneof(
        fc.integer({ min: 0, max: blob.length - 1 }),
        fc.integer({ min: blob.length - 1600, max: blob.length - 1 }),
      )
      const change = fc.tuple(place, fc.integer({ min: 1, max: 255 }))
      await fc.assert(
        fc.asyncProperty(
          fc.array(change, { minLength: 1, maxLength: 3 }),
          fc.integer({ min: 1, max: blob.length }),
          fc.boolean(),
          async (changes, end, cut) => {
            const damaged = Buffer.from(blob)
            for (const [at, mask] of changes) damaged[at]! ^= mask
            const bytes = cut ? damaged.subarray(0, end) : damaged
            const read = (offset: number, length: number): Promise<Uint8Array> => {
              assert.ok(offset >= 0 && offset + length <= bytes.length, `${offset}, ${length}`)
              return Promise.resolve(bytes.subarray(offset, offset + length))
            }
            const source = { size: bytes.length, read }
            const detail = { tree: true, chunks: true }
            await inspectLayer(source, { what: 'damaged' }, detail).catch((error: unknown) => {
              assert.ok(isAccelError(error), String((error as Error).stack))
            })
          },
        ),
        { numRuns: 150 },
      )
    })
  }
})

/** An index of two platforms: one Nydus image, of a blob and its bootstrap layer, and one of eStargz and plain layers. */
function built(): BuiltImage {
  const blob = buildLayer(fixture(LAYER_BLOB), {
    compression: 'none',
    mediaType: 'application/vnd.oci.image.layer.nydus.blob.v1',
    annotations: { 'containerd.io/snapshot/nydus-blob': 'true' },
  })
  const tar = testTar()
    .directory('image/')
    .file('image/image.boot', fixture('nydus/rafs-v6-2.2.boot'))
  const bootstrap = buildLayer(tar.bytes(), {
    annotations: { 'containerd.io/snapshot/nydus-bootstrap': 'true' },
  })
  const estargz = buildLayer(fixture('estargz/default.esgz'), {
    compression: 'none',
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  })
  const plain = buildLayer(testTar().file('a', 'a').bytes())
  return buildIndex([
    buildImage({ layers: [blob, bootstrap] }),
    buildImage({ layers: [estargz, plain], platform: { os: 'linux', architecture: 'arm64' } }),
  ])
}

async function configFor(t: TestContext, host: string): Promise<string> {
  const path = join(await temporaryDirectory(t), 'config.yaml')
  const yaml = `provider: { source: { "${host}": { auth: "" } } }
converter: { driver: { type: estargz } }
`
  await writeFile(path, yaml)
  return path
}

suite('images', () => {
  test('an index is shown down to its bootstrap, by ranges', async (t) => {
    await using registry = await startTestRegistry()
    const image = built()
    await pushBuilt(image, registry.repository('a/b'), { tag: '1' })
    const config = ['--config', await configFor(t, registry.host)]
    const index = await shown(`${registry.host}/a/b:1`, ...config, '--tree')
    assert.equal(index['digest'], image.descriptor.digest)
    const [nydus, estargz] = index.images
    const kinds = (of: Shown | undefined): string[] => of!.layers.map(({ what }) => what)
    assert.deepEqual(kinds(nydus), ['Nydus blob', 'Nydus bootstrap'])
    assert.deepEqual(kinds(estargz), ['eStargz', 'tar, gzip'])
    assert.deepEqual(
      nydus?.contents.bootstrap.tree.map(({ path }) => path),
      ['/', '/lib.rs', '/sync_io.rs'],
    )
    // Of the eStargz layer no more was asked for than its ends.
    const { digest } = image.children[1]!.blobs[1]!.descriptor
    const asked = registry.requests('GET blob').filter(({ path }) => path.includes(digest))
    assert.ok(asked.length > 0 && asked.every(({ range }) => range !== undefined))
  })

  test('one platform, and in it one layer, can be chosen', async (t) => {
    await using registry = await startTestRegistry()
    await pushBuilt(built(), registry.repository('a/b'), { tag: '1' })
    const config = ['--config', await configFor(t, registry.host), '--platform', 'linux/amd64']
    const [image, ...others] = (
      await shown(`${registry.host}/a/b:1`, ...config, '--layer', '1', '--chunks')
    ).images
    assert.equal(others.length, 0)
    assert.equal(image?.contents.format, 'Nydus blob')
    assert.equal(image.contents.chunks.length, 3)
    const { code, said } = await run(`${registry.host}/a/b:1`, ...config, '--layer', '3')
    assert.equal(code, 1)
    assert.match(said, /layer 3 is not in .*, which has 2/)
    assert.equal((await run('x', '--layer', '0')).code, 1)
  })

  test('an image in a layout needs no configuration', async (t) => {
    const folder = await temporaryDirectory(t)
    for (const location of [`oci:${folder}/layout:1`, `oci-archive:${folder}/archive:1`]) {
      await using target = await openLayoutTarget(location)
      await pushBuilt(built(), target.target, { tag: '1' })
      const { images } = await shown(location)
      assert.deepEqual(images[0]?.contents.files, [{ name: 'image/image.boot', size: 20480 }])
    }
  })

  test('a reference without a configuration, or to another host, asks nobody', async (t) => {
    await using registry = await startTestRegistry()
    const subject = `${registry.host}/a/b:1`
    assert.match((await run(subject)).said, /--config is required/)
    const config = await configFor(t, 'other.example')
    assert.match((await run(subject, '--config', config)).said, /is not configured/)
    assert.equal(registry.requests().length, 0)
  })
})
