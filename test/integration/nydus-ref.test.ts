import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { BlobFeature, hasFeature } from '../../src/formats/nydus-blob/feature.ts'
import { readRafsV6 } from '../../src/formats/rafs-v6/read.ts'
import { hexOf } from '../../src/oci/digest.ts'
import { parseManifest, type Manifest } from '../../src/oci/manifest.ts'
import { OCI_MANIFEST } from '../../src/oci/media-type.ts'
import { buildImage, buildLayer, pushBuilt } from '../../src/testing/image-builder.ts'
import { seeded } from '../../src/testing/random-file-tree.ts'
import { startTestRegistry } from '../../src/testing/registry/test-registry.ts'
import { readTar } from '../../src/testing/read-tar.ts'
import { testTar } from '../../src/testing/tar-builder.ts'

/** Images whose data stays in the layers of the source (`oci_ref`), converted and checked by the real `accelctl`. */

const accelctl = join(import.meta.dirname, '../../bin/accelctl.js')

/** 5 MB of words: several contexts. */
function words(): Buffer {
  const random = seeded(7)
  const bytes = Buffer.alloc(5_000_000)
  for (let i = 0; i < bytes.length; i++) bytes[i] = random(8) === 0 ? 32 : 97 + random(9)
  return bytes
}

const layers = [
  buildLayer(testTar().directory('a/').file('a/words', words()).file('a/gone', 'below').bytes(), {
    members: 3,
    docker: true,
  }),
  buildLayer(testTar().whiteout('a/gone').file('a/plain', Buffer.alloc(9000, 'p')).bytes(), {
    compression: 'none',
    docker: true,
  }),
  buildLayer(testTar().file('a/zstd', Buffer.alloc(7000, 'z')).hardlink('b', 'a/words').bytes(), {
    compression: 'zstd',
    docker: true,
  }),
]
const image = buildImage({ layers, docker: true })

const scratch = await mkdtemp(join(tmpdir(), 'nydus-ref-'))
const registry = await startTestRegistry()
after(async () => {
  await registry[Symbol.asyncDispose]()
  await rm(scratch, { recursive: true, force: true })
})
await pushBuilt(image, registry.repository('app'), { tag: 'v1' })

async function run(command: string, ...args: string[]): Promise<string> {
  const file = join(scratch, 'config.yaml')
  const workDir = await mkdtemp(join(scratch, 'work-'))
  await writeFile(
    file,
    JSON.stringify({
      provider: { source: { [registry.host]: {} }, work_dir: workDir },
      converter: {
        driver: { type: 'nydus', config: { oci_ref: 'true', fs_version: '5' } },
        rules: [{ tag_suffix: '-ref' }],
      },
    }),
  )
  const call = [accelctl, command, '--config', file, ...args]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, call, { timeout: 60_000 })
  return stdout + stderr
}

async function convert(...args: string[]): Promise<string> {
  return run('convert', `${registry.host}/app:v1`, ...args)
}

/** The blob table of the converted image's bootstrap. */
async function blobsOf(manifest: Manifest): Promise<ReturnType<typeof readRafsV6>['blobs']> {
  const tar = gunzipSync(await registry.blob('app', manifest.layers.at(-1)!.digest))
  const boot = readTar(tar).entries.find(({ entry }) => entry.name === 'image/image.boot')
  return readRafsV6(boot!.content, { what: 'the bootstrap' }).blobs
}

test('one image of layers in gzip, in plain tar and in zstd: two are referred to, one is converted', async () => {
  const output = await convert()
  assert.match(
    output,
    /level=warning msg="forcibly using fs version 6 when oci_ref option enabled"/,
  )
  assert.match(output, /layer 3: it gets a Nydus blob: it is compressed with zstd/)
  const { bytes } = registry.manifest('app', 'v1-ref')!
  const manifest = parseManifest(bytes, 'the result')
  assert.equal(manifest.mediaType, OCI_MANIFEST)
  assert.equal(manifest.annotations?.['containerd.io/snapshot/nydus-fs-version'], '6')
  const refs = manifest.layers.map(
    ({ annotations }) => annotations?.['containerd.io/snapshot/nydus-ref'],
  )
  const [gzip, plain] = layers.map(({ descriptor }) => descriptor.digest)
  assert.deepEqual(refs, [gzip, plain, undefined, undefined])
  const blobs = await blobsOf(manifest)
  assert.deepEqual(
    blobs.map(({ features }) => [
      hasFeature(features, BlobFeature.zran),
      hasFeature(features, BlobFeature.separate),
      hasFeature(features, BlobFeature.inlinedBootstrap),
    ]),
    [
      [true, true, false],
      [false, true, false],
      [false, false, false],
    ],
  )
  for (const [i, layer] of [layers[0]!, layers[1]!].entries()) {
    const { blobId, compressedSize, blobMetaDigest, blobMetaSize } = blobs[i]!
    const nydus = manifest.layers[i]!
    assert.equal(blobId, hexOf(layer.descriptor.digest))
    assert.equal(compressedSize, layer.descriptor.size)
    assert.equal(Buffer.from(blobMetaDigest).toString('hex'), hexOf(nydus.digest))
    assert.equal(Buffer.from(blobMetaSize).readBigUInt64LE(), BigInt(nydus.size))
  }
  const checked = await run('check', `${registry.host}/app:v1`, `${registry.host}/app:v1-ref`)
  assert.match(checked, /all is the same/)
})

test('another repository gets the layers that are referred to', async () => {
  await convert('--to', `${registry.host}/other:v1`)
  assert.ok(registry.manifest('other', 'v1'))
  for (const { descriptor } of layers.slice(0, 2)) {
    assert.equal((await registry.blob('other', descriptor.digest)).length, descriptor.size)
  }
  const checked = await run('check', `${registry.host}/app:v1`, `${registry.host}/other:v1`)
  assert.match(checked, /all is the same/)
})
