import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { BlobReader } from '../../src/formats/nydus-blob/blob-reader.ts'
import { digestFunction } from '../../src/formats/nydus-blob/chunk-digest.ts'
import { decryptLayer } from '../../src/formats/ocicrypt/read.ts'
import { cipherOf } from '../../src/formats/rafs-v6/blob-entry.ts'
import { readRafsV6 } from '../../src/formats/rafs-v6/read.ts'
import { digestOf, parseDigest } from '../../src/oci/digest.ts'
import { parseImageConfig } from '../../src/oci/image-config.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { buildImage, buildLayer, pushBuilt } from '../../src/testing/image-builder.ts'
import { startTestRegistry, type TestRegistry } from '../../src/testing/registry/test-registry.ts'
import { readTar } from '../../src/testing/read-tar.ts'
import { type ProgramRun, runConvert } from '../../src/testing/run-accelctl.ts'
import { testTar } from '../../src/testing/tar-builder.ts'

/** Encrypted Nydus images, converted by the real `accelctl`. */

const scratch = await mkdtemp(join(tmpdir(), 'nydus-encryption-'))
after(() => rm(scratch, { recursive: true, force: true }))

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const keyFile = join(scratch, 'public.pem')
await writeFile(keyFile, publicKey.export({ type: 'spki', format: 'pem' }))

/** Files of all sizes that matter: padded, compressed to less than a block, and 18 bytes that look padded. */
function tricky(): [name: string, content: Buffer][] {
  const sizes = Array.from({ length: 20 }, (_, i) => i + 1)
  return [
    ...sizes.map((size): [string, Buffer] => [`size-${size}`, Buffer.alloc(size, size)]),
    ['zeros', Buffer.alloc(100_000)],
    ['looks-padded', Buffer.concat([Buffer.alloc(16, 3), Buffer.from([0x78, 0x90])])],
    ['text', Buffer.from('the content of a confidential file '.repeat(500))],
  ]
}

function image() {
  const tar = testTar().directory('confidential-folder/')
  for (const [name, content] of tricky()) tar.file(`confidential-folder/${name}`, content)
  const upper = testTar().file('upper', Buffer.from('above'))
  return buildImage({ layers: [buildLayer(tar.bytes()), buildLayer(upper.bytes())] })
}

async function convert(
  body: (registry: TestRegistry, result: ProgramRun) => Promise<void>,
  config: Record<string, string> = {},
): Promise<void> {
  await using registry = await startTestRegistry()
  await pushBuilt(image(), registry.repository('app'), { tag: 'v1' })
  const options = { encrypt_recipients: `jwe:${keyFile}`, ...config }
  const driver = { type: 'nydus', config: options }
  await body(registry, await runConvert(scratch, `${registry.host}/app:v1`, driver))
}

for (const compressor of ['zstd', 'lz4_block']) {
  test(`${compressor}: with the private key every chunk is read; without it nothing shows`, async () => {
    await convert(
      async (registry, { code, output }) => {
        assert.equal(code, 0, output)
        const { bytes } = registry.manifest('app', 'v1-c')!
        const { layers, config } = parseManifest(bytes, 'the result')
        const last = layers.at(-1)!
        assert.equal(last.mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted')
        assert.equal(last.annotations?.['containerd.io/snapshot/nydus-bootstrap'], 'true')
        for (const { annotations } of layers.slice(0, -1)) {
          assert.deepEqual(annotations, {
            'containerd.io/snapshot/nydus-blob': 'true',
            'containerd.io/snapshot/nydus-encrypted-blob': 'true',
          })
        }
        const stored = await registry.blob('app', last.digest)
        const layer = await decryptLayer(stored, last.annotations, privatePem, 'the bootstrap')
        const tar = gunzipSync(layer)
        const { rootfs } = parseImageConfig(await registry.blob('app', config.digest), 'config')
        assert.equal(rootfs.diff_ids.at(-1), digestOf(tar))
        const files = readTar(tar).entries
        const boot = files.find(({ entry }) => entry.name === 'image/image.boot')!
        const { tree, blobs, compressor: codec } = readRafsV6(boot.content, { what: 'boot' })
        const digest = digestFunction('blake3')
        let chunks = 0
        for (const [i, entry] of blobs.entries()) {
          const cipher = cipherOf(entry)!
          const blob = await registry.blob('app', parseDigest(`sha256:${entry.blobId}`))
          const secrets = [
            Buffer.from('confidential'),
            Buffer.from('size-1'),
            cipher.key,
            cipher.iv,
          ]
          for (const secret of secrets) {
            const at = Buffer.from(blob).indexOf(secret)
            assert.equal(at, -1, 'a secret is in the blob in clear')
          }
          const source = {
            size: blob.length,
            read: async (at: number, size: number) => blob.subarray(at, at + size),
          }
          const reader = await BlobReader.open(source, 'blob', cipher)
          await reader.checkToc()
          const table = (await reader.chunkTable())!
          const digests = (await reader.digests())!
          for (const [index, info] of table.chunks.entries()) {
            assert.ok(info.encrypted)
            const content = await reader.chunk(info, codec)
            const wanted = digests.subarray(index * 32, index * 32 + 32)
            assert.deepEqual(Buffer.from(digest(content)), Buffer.from(wanted), `${i} ${index}`)
            chunks++
          }
          const meta = files.find(
            ({ entry: { name } }) => name === `image/${entry.blobId}.blob.meta`,
          )
          assert.deepEqual(
            meta?.content.subarray(0, table.header.ciUncompressedSize),
            Buffer.from((await reader.chunkTableBytes())!.table),
          )
        }
        assert.equal(chunks, tricky().length + 1)
        assert.ok(tree.inodes.chunks.length >= chunks)
      },
      { compressor },
    )
  })
}

test('a chunk that nydusd would cut cannot be stored without a compressor', async () => {
  await convert(
    async (registry, { code, output }) => {
      assert.equal(code, 2, output)
      assert.match(output, /chunk of 18 bytes .* set compressor to zstd or lz4_block/)
      assert.equal(registry.manifest('app', 'v1-c'), undefined)
    },
    { compressor: 'none' },
  )
})

const refused: [config: Record<string, string>, pattern: RegExp][] = [
  [{ fs_version: '5' }, /encrypt_recipients .*it needs fs_version 6/],
  [{ batch_size: '65536' }, /batch_size .*small batches/],
  [{ encrypt_recipients: 'pgp:somebody' }, /recipient .*pgp:somebody.*GnuPG are not supported/],
  [{ encrypt_recipients: 'pkcs7:cert.pem' }, /certificates are not supported/],
  [{ encrypt_recipients: keyFile }, /it does not say how; write jwe:FILE/],
  [{ encrypt_recipients: `jwe:${keyFile},jwe:/none` }, /recipient .*jwe:\/none.*ENOENT/],
]

for (const [config, pattern] of refused) {
  test(`refused: ${Object.entries(config).join()}`.replaceAll(keyFile, 'FILE'), async () => {
    await convert(async (registry, { code, output }) => {
      assert.equal(code, 2, output)
      assert.match(output, pattern)
    }, config)
  })
}

test('an encrypted image is no dictionary', async () => {
  await convert(async (registry) => {
    const reference = `${registry.host}/app:v1-c`
    const again = await runConvert(scratch, `${registry.host}/app:v1`, {
      type: 'nydus',
      config: { chunk_dict_ref: reference },
    })
    assert.notEqual(again.code, 0)
    assert.match(again.output, /its bootstrap is encrypted/)
  })
})
