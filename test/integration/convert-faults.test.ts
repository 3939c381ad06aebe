import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { OCI_LAYER_GZIP } from '../../src/oci/media-type.ts'
import {
  buildBlob,
  buildImage,
  buildLayer,
  pushBuilt,
  type BuiltImage,
} from '../../src/testing/image-builder.ts'
import type { Fault } from '../../src/testing/registry/fault.ts'
import { startTestRegistry, type TestRegistry } from '../../src/testing/registry/test-registry.ts'
import { testTar } from '../../src/testing/tar-builder.ts'

/**
 * What goes wrong between the registry and the layer, against the real `accelctl`: it succeeds after a retry, or fails
 * with a code, a name and a non-zero exit, pushes nothing, leaves nothing, and never shows the secret.
 */

const accelctl = join(import.meta.dirname, '../../bin/accelctl.js')
const scratch = await mkdtemp(join(tmpdir(), 'convert-faults-'))
after(() => rm(scratch, { recursive: true, force: true }))

const password = 's3cret:with:colons'
const auth = Buffer.from(`robot$accel:${password}`).toString('base64')

/** A layer that takes several reads: its content does not compress. */
function layerTar(name: string, size = 600_000): Uint8Array {
  return testTar().directory('d/').file(`d/${name}`, randomBytes(size)).bytes()
}

interface Run {
  code: number
  output: string
}

async function convert(registry: TestRegistry, init: { workDir?: string } = {}): Promise<Run> {
  const workDir = init.workDir ?? (await mkdtemp(join(scratch, 'work-')))
  const config = join(scratch, `${registry.host.replace(':', '-')}.yaml`)
  await writeFile(
    config,
    `provider:
  source:
    ${registry.host}:
      auth: ${auth}
  work_dir: ${workDir}
converter:
  driver:
    type: estargz
  rules:
    - tag_suffix: -esgz
`,
  )
  const arguments_ = [accelctl, 'convert', '--config', config, `${registry.host}/demo/app:v1`]
  const run = promisify(execFile)(process.execPath, arguments_, { timeout: 60_000 })
  const result = await run.then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }),
  )
  assert.ok(!result.output.includes(password), `the secret is shown: ${result.output}`)
  assert.ok(!result.output.includes(auth), `the encoded secret is shown: ${result.output}`)
  assert.deepEqual(await readdir(join(workDir, 'ingest')), [], 'the work directory is not empty')
  return result
}

async function withImage(
  image: BuiltImage,
  body: (registry: TestRegistry) => Promise<void>,
): Promise<void> {
  await using registry = await startTestRegistry({
    auth: { kind: 'bearer', users: { robot$accel: password } },
  })
  await pushBuilt(image, registry.repository('demo/app'), { tag: 'v1' })
  await body(registry)
}

const good = (): BuiltImage =>
  buildImage({ layers: [buildLayer(layerTar('a')), buildLayer(layerTar('b'))] })

/** Runs with `faults`; each must strike, and the conversion must come to a good end. */
async function survives(
  faults: Fault[],
  check?: (registry: TestRegistry) => void,
  image: BuiltImage = good(),
): Promise<void> {
  await withImage(image, async (registry) => {
    const added = faults.map((fault) => registry.fault(fault))
    const { code, output } = await convert(registry)
    assert.equal(code, 0, output)
    assert.ok(registry.manifest('demo/app', 'v1-esgz'), 'the result was not pushed')
    for (const fault of added) assert.ok(fault.met > 0, 'the fault did not strike')
    check?.(registry)
  })
}

/** Runs the conversion of `image`, which must fail with `code` and all of `words`, and push nothing. */
async function fails(
  image: BuiltImage,
  code: string,
  words: RegExp[],
  prepare: (registry: TestRegistry) => Promise<void> | void = () => {},
): Promise<void> {
  await withImage(image, async (registry) => {
    await prepare(registry)
    registry.clearRequests()
    const run = await convert(registry)
    assert.notEqual(run.code, 0, run.output)
    for (const word of [new RegExp(code), /demo\/app/, ...words]) assert.match(run.output, word)
    assert.equal(registry.manifest('demo/app', 'v1-esgz'), undefined)
    const pushes = registry.requests().filter((request) => /^(PUT|PATCH|POST) /.test(request.kind))
    const uploads = pushes.filter((request) => !/token/.test(request.kind))
    assert.deepEqual(uploads, [], 'something was pushed')
  })
}

/** An image of one layer whose stored bytes are `bytes`, while the config says the diffID of `tar`. */
function imageOf(tar: Uint8Array, bytes: Uint8Array): BuiltImage {
  const { diffId } = buildLayer(tar)
  return buildImage({ layers: [{ ...buildBlob(bytes, OCI_LAYER_GZIP), diffId }] })
}

test('401 in the middle of a push: the token is renewed', () =>
  survives([
    {
      on: ['PATCH upload', 'PUT upload'],
      then: { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="harbor"' } },
    },
  ]))

test('429 with Retry-After is waited for', () =>
  survives([{ on: 'GET blob', then: { status: 429, headers: { 'Retry-After': '1' } }, times: 2 }]))

test('a server error on the manifest is tried again', () =>
  survives([{ on: 'PUT manifest', then: { status: 503 } }]))

test('a reset in the middle of a blob: the pull goes on by Range', () => {
  const image = good()
  const layer = image.blobs[1]!.descriptor.digest
  return survives(
    [{ on: 'GET blob', then: 'close', afterBytes: 300_000, match: { digest: layer } }],
    (registry) => {
      const pulls = registry.requests('GET blob').filter(({ reference }) => reference === layer)
      assert.deepEqual(
        pulls.map(({ range }) => range),
        [undefined, 'bytes=300000-'],
      )
    },
    image,
  )
})

test('a reset in the middle of an upload: the push goes on', () =>
  survives([{ on: ['PATCH upload', 'PUT upload'], then: 'reset', afterBytes: 100_000 }]))

test('a blob with a wrong byte', () =>
  fails(good(), 'CONTENT_DIGEST_MISMATCH', [/layer|blob/, /sha256:[0-9a-f]{64}/], (registry) => {
    registry.fault({ on: 'GET blob', then: 'flip byte', afterBytes: 100_000, times: Infinity })
  }))

test('a blob that is too short', () =>
  fails(good(), 'CONTENT_SIZE_MISMATCH', [/expected \d+/], (registry) => {
    registry.fault({ on: 'GET blob', then: 'truncate', afterBytes: 50_000, times: Infinity })
  }))

test('a blob that the registry has lost', () =>
  fails(good(), 'CONTENT_NOT_FOUND', [/sha256:/], (registry) => {
    registry.fault({ on: ['GET blob', 'HEAD blob'], then: { status: 404 }, times: Infinity })
  }))

test('truncated gzip', () => {
  const tar = layerTar('a')
  return fails(imageOf(tar, gzipSync(tar).subarray(0, -20_000)), 'FORMAT_TRUNCATED', [
    /layer 1 \(sha256:/,
    /gzip ends at byte \d+/,
  ])
})

test('truncated tar', () => {
  const tar = layerTar('a').subarray(0, 300_000)
  return fails(imageOf(tar, gzipSync(tar)), 'FORMAT_TRUNCATED', [
    /layer 1/,
    /tar ends at byte 300000/,
  ])
})

test('a bad header checksum', () => {
  const tar = Buffer.from(layerTar('a'))
  tar[512] = tar[512]! ^ 1
  return fails(imageOf(tar, gzipSync(tar)), 'FORMAT_INVALID', [/layer 1/, /byte 660/, /checksum/])
})

test('damaged gzip whose digest is right', () => {
  const tar = layerTar('a')
  const bytes = gzipSync(tar)
  bytes[200_000] = bytes[200_000]! ^ 0xff
  assert.throws(() => gunzipSync(bytes))
  return fails(imageOf(tar, bytes), 'FORMAT_(INVALID|TRUNCATED)', [/layer 1/])
})

test('a wrong diffID', () =>
  fails(imageOf(layerTar('a'), gzipSync(layerTar('b'))), 'IMAGE_DIFF_ID_MISMATCH', [/layer 1/]))

test('a disk that is too small is told before a layer is pulled', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root, to mount a small file system')
  const small = join(scratch, 'small')
  await mkdir(small)
  const run = promisify(execFile)
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small]).catch(
    (error: Error) => error,
  )
  if (mounted instanceof Error) {
    assert.ok(!process.env['CI'], `CI must be able to mount: ${mounted.message}`)
    return t.skip('tmpfs cannot be mounted here')
  }
  try {
    await withImage(good(), async (registry) => {
      const { code, output } = await convert(registry, { workDir: small })
      assert.notEqual(code, 0)
      assert.match(output, /may need \d+ bytes in .*, the disk has \d+.*STORE_TOO_SMALL/)
      assert.deepEqual(
        registry.requests('GET blob').filter(({ bytesOut }) => bytesOut > 5000),
        [],
        'a layer was pulled',
      )
      assert.equal(registry.manifest('demo/app', 'v1-esgz'), undefined)
    })
  } finally {
    await run('umount', [small])
  }
})
