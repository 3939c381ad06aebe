import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { readRafsV6 } from '../../src/formats/rafs-v6/read.ts'
import { digestOf, hexOf } from '../../src/oci/digest.ts'
import { parseImageConfig } from '../../src/oci/image-config.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { buildImage, buildLayer, pushBuilt } from '../../src/testing/image-builder.ts'
import { startObjectServer, refuse, type ObjectFault } from '../../src/testing/object-server.ts'
import { startTestRegistry, type TestRegistry } from '../../src/testing/registry/test-registry.ts'
import { type ProgramRun, runConvert } from '../../src/testing/run-accelctl.ts'
import { readTar } from '../../src/testing/read-tar.ts'
import { testTar } from '../../src/testing/tar-builder.ts'

/** Nydus images whose blobs are kept outside of the registry, converted by the real `accelctl`. */

const scratch = await mkdtemp(join(tmpdir(), 'nydus-backend-'))
after(() => rm(scratch, { recursive: true, force: true }))

const secret = 'the+secret/of=the bucket'
const base = buildLayer(testTar().directory('a/').file('a/one', Buffer.alloc(5000, 'x')).bytes())
const image = buildImage({
  layers: [base, buildLayer(testTar().file('a/two', Buffer.from('second')).bytes())],
})

async function withImage(body: (registry: TestRegistry) => Promise<void>): Promise<void> {
  await using registry = await startTestRegistry()
  await pushBuilt(image, registry.repository('app'), { tag: 'v1' })
  await body(registry)
}

async function convert(
  registry: TestRegistry,
  type: string,
  config: Record<string, string>,
): Promise<ProgramRun> {
  const options = { backend_type: type, backend_config: JSON.stringify(config) }
  const driver = { type: 'nydus', config: options }
  const result = await runConvert(scratch, `${registry.host}/app:v1`, driver)
  assert.ok(!result.output.includes(secret), result.output)
  return result
}

/** The blob ids of the bootstrap of the converted image, of whose manifest all else is checked. */
async function blobsOf(registry: TestRegistry): Promise<string[]> {
  const { bytes } = registry.manifest('app', 'v1-c')!
  const { layers, config, annotations } = parseManifest(bytes, 'the result')
  assert.equal(annotations?.['containerd.io/snapshot/nydus-fs-version'], '6')
  const [layer] = layers
  assert.equal(layers.length, 1)
  const tar = gunzipSync(await registry.blob('app', layer!.digest))
  assert.deepEqual(layer!.annotations, {
    'containerd.io/snapshot/nydus-bootstrap': 'true',
    'containerd.io/snapshot/nydus-fs-version': '6',
    'containerd.io/uncompressed': digestOf(tar),
  })
  const { rootfs, history } = parseImageConfig(
    await registry.blob('app', config.digest),
    'the config',
  )
  assert.deepEqual(rootfs.diff_ids, [digestOf(tar)])
  assert.deepEqual(history, [{ created_by: 'Nydus Converter', comment: 'Nydus Bootstrap Layer' }])
  const boot = readTar(tar).entries.find(({ entry }) => entry.name === 'image/image.boot')
  return readRafsV6(boot!.content, { what: 'the bootstrap' }).blobs.map(({ blobId }) => blobId)
}

/** Converts an image with other layers on top of `app`'s first, by `app:v1-c` as chunk dictionary. */
async function convertWithDictionary(
  registry: TestRegistry,
  backend: Record<string, string>,
): Promise<ProgramRun> {
  const next = buildImage({
    layers: [base, buildLayer(testTar().file('b', Buffer.from('third')).bytes())],
  })
  await pushBuilt(next, registry.repository('next'), { tag: 'v1' })
  const config = { ...backend, chunk_dict_ref: `${registry.host}/app:v1-c` }
  return runConvert(scratch, `${registry.host}/next:v1`, { type: 'nydus', config })
}

function localfs(dir: string): Record<string, string> {
  return { backend_type: 'localfs', backend_config: JSON.stringify({ dir }) }
}

test('a chunk dictionary in the registry: its blobs that are used go to the backend', async () => {
  await withImage(async (registry) => {
    const dir = join(scratch, 'with-dictionary')
    const first = await runConvert(scratch, `${registry.host}/app:v1`, {
      type: 'nydus',
      config: {},
    })
    assert.equal(first.code, 0, first.output)
    const [shared] = parseManifest(registry.manifest('app', 'v1-c')!.bytes, 'the first').layers
    const { code, output } = await convertWithDictionary(registry, localfs(dir))
    assert.equal(code, 0, output)
    const bytes = await readFile(join(dir, hexOf(shared!.digest)))
    assert.equal(digestOf(bytes), shared!.digest)
    const { layers } = parseManifest(registry.manifest('next', 'v1-c')!.bytes, 'the result')
    assert.equal(layers.length, 1)
  })
})

test('a chunk dictionary in a backend: its blobs must be there, for this conversion too', async () => {
  await withImage(async (registry) => {
    const dir = join(scratch, 'of-dictionary')
    assert.equal((await convert(registry, 'localfs', { dir })).code, 0)
    const blobs = await blobsOf(registry)
    const refused = async (backend: Record<string, string>, message: RegExp): Promise<void> => {
      const { code, output } = await convertWithDictionary(registry, backend)
      assert.equal(code, 2, output)
      assert.match(output, message)
      assert.match(output, /code=DRIVER_DICTIONARY_UNUSABLE/)
      assert.equal(registry.manifest('next', 'v1-c'), undefined)
    }
    await refused({}, /blob [0-9a-f]{64}, which its manifest does not name: it is kept elsewhere/)
    await refused(localfs(join(scratch, 'empty')), /and which is not in directory .*empty/)
    await using store = await startObjectServer()
    const bucket = { backend_type: 's3', backend_config: JSON.stringify(s3(store.host)) }
    await refused(bucket, /and which is not in s3 bucket bucket/)
    const { code, output } = await convertWithDictionary(registry, localfs(dir))
    assert.equal(code, 0, output)
    assert.ok((await readdir(dir)).length > blobs.length)
    // One that was lost since.
    await rm(join(dir, blobs[0]!))
    const lost = await convertWithDictionary(registry, localfs(dir))
    assert.equal(lost.code, 2, lost.output)
    assert.match(lost.output, /and which is not in directory .*of-dictionary/)
  })
})

test('localfs: blobs are files by their digest, the registry has the bootstrap alone', async () => {
  await withImage(async (registry) => {
    const dir = join(scratch, 'blobs')
    const { code, output } = await convert(registry, 'localfs', { dir })
    assert.equal(code, 0, output)
    const ids = await blobsOf(registry)
    assert.deepEqual((await readdir(dir)).toSorted(), ids.toSorted())
    assert.equal(ids.length, 2)
    for (const id of ids) assert.equal(hexOf(digestOf(await readFile(join(dir, id)))), id)
  })
})

function s3(host: string): Record<string, string> {
  return {
    endpoint: host,
    scheme: 'http',
    region: 'r',
    bucket_name: 'bucket',
    object_prefix: 'nydus/',
    access_key_id: 'id',
    access_key_secret: secret,
  }
}

test('s3: blobs are objects, which a second conversion does not send again', async () => {
  await using store = await startObjectServer()
  await withImage(async (registry) => {
    for (const writes of [2, 2]) {
      const { code, output } = await convert(registry, 's3', s3(store.host))
      assert.equal(code, 0, output)
      const ids = await blobsOf(registry)
      assert.deepEqual(
        [...store.objects.keys()].toSorted(),
        ids.map((id) => `/bucket/nydus/${id}`).toSorted(),
      )
      assert.equal(store.lines().filter((line) => line.startsWith('PUT')).length, writes)
    }
  })
})

test('a store that refuses: no manifest is pushed, and what it said is told without the secret', async () => {
  const refusing: ObjectFault = ({ method }) =>
    method === 'PUT' ? refuse(403, 'AccessDenied', 'not here') : undefined
  await using store = await startObjectServer(refusing)
  await withImage(async (registry) => {
    const { code, output } = await convert(registry, 's3', s3(store.host))
    assert.equal(code, 1)
    assert.match(
      output,
      /blob sha256:[0-9a-f]{64} in s3 bucket bucket at 127.*code=BACKEND_DENIED/s,
    )
    assert.match(output, /answered 403; AccessDenied: not here/)
    assert.equal(registry.manifest('app', 'v1-c'), undefined)
    assert.equal(registry.requests('PUT manifest').length, 0)
  })
})

test('a mistake in backend_config is told by its path before anything is asked for', async () => {
  await withImage(async (registry) => {
    const { region: _, ...rest } = s3('s3.example')
    const { code, output } = await convert(registry, 's3', rest)
    assert.equal(code, 2)
    assert.match(output, /converter\.driver\.config\.backend_config\.region .*it is missing/)
    assert.equal(registry.requests().length, 0)
  })
})
