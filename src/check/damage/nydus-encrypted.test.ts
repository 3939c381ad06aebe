/** Encrypted Nydus images: what a conversion could do wrong, and what is said of it with the key and without. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { BLOB_ANNOTATION, FS_VERSION_ANNOTATION } from '../../drivers/nydus/annotation.ts'
import { decryptPiece } from '../../formats/nydus-blob/cipher.ts'
import { ChunkTableHeader } from '../../formats/nydus-blob/layout.ts'
import { SectionName } from '../../formats/nydus-blob/toc.ts'
import { PUBLIC_OPTIONS_ANNOTATION } from '../../formats/ocicrypt/layer-cipher.ts'
import { JWE_ANNOTATION } from '../../formats/ocicrypt/recipient.ts'
import { RafsV6Blob } from '../../formats/rafs-v6/layout.ts'
import { ZSTD_MAGIC } from '../../formats/zstd/frame-walk.ts'
import { digestOf } from '../../oci/digest.ts'
import { annotation, flipped, layer } from '../../testing/damage/common-damage.ts'
import { damageSuite, type DamageCase } from '../../testing/damage/damage-bench.ts'
import {
  decryptBootstrap,
  encryptBootstrap,
  inEncryptedBlob,
} from '../../testing/damage/encrypted-bootstrap.ts'
import { flip, inToc, sealed } from '../../testing/damage/nydus-blob-edit.ts'
import { edit, inBootstrap, inBootstrapLayer, openBlob } from '../../testing/damage/nydus-edit.ts'
import { nydusTreeDamage } from '../../testing/damage/nydus-tree-damage.ts'
import { blobEntryAt } from '../../testing/damage/rafs-v6-places.ts'
import { annotationsOf } from '../../testing/damage/stored-image.ts'

const OTHER = digestOf('other')

/** The blob of the upper layer is the second; its first chunk is that of `etc/motd`, `opt/data` has the two next. */
const UPPER = 1

const folder = mkdtempSync(join(tmpdir(), 'encrypted-damage-'))
after(() => rmSync(folder, { recursive: true }))
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const others = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const recipient = join(folder, 'public.pem')
writeFileSync(recipient, keys.publicKey.export({ type: 'spki', format: 'pem' }))

const driver = `{type: nydus, config: {fs_chunk_size: "0x1000", encrypt_recipients: "jwe:${recipient}"}}`
const privateKeys = [keys.privateKey]

damageSuite(
  'damage to the tree of an encrypted image is noticed and named with the key',
  { driver, privateKeys, inClear: keys },
  nydusTreeDamage,
)

const inEntry = (change: (entry: RafsV6Blob) => Partial<RafsV6Blob>) =>
  inBootstrap((b) => edit(b, RafsV6Blob, blobEntryAt(b, UPPER), change))

const flippedByte = (bytes: Uint8Array): Uint8Array => {
  const changed = Buffer.from(bytes)
  flip(changed, 0)
  return changed
}

/** Writes what was decrypted where it was encrypted. */
const decryptedTable = inEncryptedBlob(UPPER, (cipher) =>
  sealed((bytes, opened) => {
    const { offset, size } = opened.section(SectionName.chunkTable)!
    const header = offset + size - ChunkTableHeader.size
    bytes.set(decryptPiece(bytes.subarray(offset, header), cipher, 'table'), offset)
    bytes.set(decryptPiece(bytes.subarray(header, offset + size), cipher, 'header'), header)
  }),
)

/** The bootstrap inside a blob begins as the frame does that was sealed. */
const clearBootstrap = inEncryptedBlob(UPPER, (cipher) =>
  sealed((bytes, opened) => {
    const { offset } = opened.section(SectionName.bootstrap)!
    bytes.writeUInt32LE(ZSTD_MAGIC, offset)
  }, cipher),
)

/** What is wrong with blobs and can be seen by everybody. */
const blobDamage: readonly DamageCase[] = [
  ['a chunk table in clear', decryptedTable, /^sha256:[0-9a-f]{64}: .*chunk table is in clear/],
  [
    'a bootstrap in clear inside a blob',
    clearBootstrap,
    /^sha256:[0-9a-f]{64}: the bootstrap inside it.*is in clear/,
  ],
  [
    'a flipped bit in a chunk, and the ToC says the old digest',
    inEncryptedBlob(UPPER, () => (bytes) => (flip(bytes, 200), bytes)),
    /image\.blob has not the digest/,
  ],
  [
    'a flipped bit in the digests',
    inEncryptedBlob(UPPER, () => async (bytes) => {
      flip(bytes, (await openBlob(bytes)).section(SectionName.digests)!.offset)
      return bytes
    }),
    /blob\.digest has not the digest|another digest/,
  ],
  [
    'a place in the ToC',
    inEncryptedBlob(UPPER, () => inToc((items) => void (items[0]!.compressedSize += 9))),
    /the ToC puts image\.blob outside/,
  ],
  ['an end that is cut off', inEncryptedBlob(UPPER, () => (b) => b.subarray(0, -512)), /blob/],
]

damageSuite(
  'damage to the keys and blobs of an encrypted image is noticed and named with the key',
  { driver, privateKeys, inClear: keys },
  [
    [
      'the key of a blob',
      inEntry(({ blobMetaDigest }) => ({ blobMetaDigest: flippedByte(blobMetaDigest) })),
      /^opt\/data: .*encrypted/,
    ],
    [
      'the tweak of a blob',
      inEntry(({ cipherIv }) => ({ cipherIv: flippedByte(cipherIv) })),
      /^opt\/data: .*encrypted/,
    ],
    ['a key that is missing', inEntry(() => ({ cipher: 0 })), /^opt\/data: .*encrypted/],
    [
      'the features of a blob',
      inEntry(({ features }) => ({ features: features & ~0x100 })),
      /opt\/data/,
    ],
    [
      'a flipped bit in a chunk',
      inEncryptedBlob(UPPER, (cipher) => sealed((bytes) => flip(bytes, 200), cipher)),
      /^etc\/motd: |^opt\/data: /,
    ],
    [
      'a flipped bit in the chunk table',
      inEncryptedBlob(UPPER, () => async (bytes) => {
        flip(bytes, (await openBlob(bytes)).section(SectionName.chunkTable)!.offset)
        return bytes
      }),
      /^opt\/data: /,
    ],
    ...blobDamage,
    [
      'a chunk table beside the bootstrap',
      inBootstrapLayer(({ metas }) => flip([...metas.values()][UPPER]!, 30)),
      /image\/[0-9a-f]{64}\.blob\.meta: /,
    ],
    ['a diffID of the bootstrap', layer(-1, (one) => void (one.diffId = OTHER)), /its diffID is/],
    [
      'a wrong version',
      annotation(-1, FS_VERSION_ANNOTATION, '5'),
      /sha256:[0-9a-f]{64}: .*nydus-fs-version/,
    ],
  ],
)

const options = (change: Record<string, unknown>) =>
  layer(-1, (one) => {
    const annotations = annotationsOf(one)
    const said = annotations[PUBLIC_OPTIONS_ANNOTATION]!
    const json = JSON.parse(Buffer.from(said, 'base64').toString()) as object
    const changed = JSON.stringify({ ...json, ...change })
    annotations[PUBLIC_OPTIONS_ANNOTATION] = Buffer.from(changed).toString('base64')
  })

/** What the recipient alone can see of the encryption of the layer. */
damageSuite(
  'damage to an encrypted bootstrap layer is noticed with the key',
  { driver, privateKeys },
  [
    ['a flipped bit', flipped(-1, 100), /layer sha256:[0-9a-f]{64}.* another HMAC/],
    ['another HMAC', options({ hmac: Buffer.alloc(32).toString('base64') }), /another HMAC/],
    [
      'a key that is wrapped for somebody else',
      async (image) => {
        await decryptBootstrap(image, keys)
        await encryptBootstrap(image, others)
      },
      /the key opens none/,
    ],
    [
      'the digest of what it holds',
      async (image) => {
        await decryptBootstrap(image, keys)
        await encryptBootstrap(image, keys, OTHER)
      },
      /what it holds has not the digest/,
    ],
  ],
)

/** What everybody can see. */
const outside: readonly DamageCase[] = [
  ['no wrapped key', annotation(-1, JWE_ANNOTATION, undefined), /wrapped for nobody/],
  ['no public options', annotation(-1, PUBLIC_OPTIONS_ANNOTATION, undefined), /pubopts is missing/],
  ['public options that are none', annotation(-1, PUBLIC_OPTIONS_ANNOTATION, '{}'), /is no JSON/],
  ['another cipher', options({ cipher: 'AES_128_CBC' }), /its cipher is AES_128_CBC/],
  ['a short HMAC', options({ hmac: 'AAAA' }), /its HMAC has 3 bytes/],
  [
    'a blob that is not marked',
    annotation(UPPER, BLOB_ANNOTATION, undefined),
    /^sha256:[0-9a-f]{64}: .*nydus-blob/,
  ],
  [
    'a bootstrap below its blobs',
    ({ layers }) => void layers.unshift(layers.pop()!),
    /^sha256:[0-9a-f]{64}: .*last/,
  ],
  ['a diffID of a blob', layer(UPPER, (one) => void (one.diffId = OTHER)), /its diffID is/],
  [
    'a wrong version of the manifest',
    ({ manifest }) =>
      void (manifest.annotations = { ...manifest.annotations, [FS_VERSION_ANNOTATION]: '5' }),
    /manifest: .*nydus-fs-version/,
  ],
  [
    'a size in the manifest',
    layer(
      UPPER,
      (one) => void (one.descriptor = { ...one.descriptor, size: one.descriptor.size + 1 }),
    ),
    /@sha256:[0-9a-f]{64}: read/,
  ],
  ['another command', ({ config }) => void (config['config'] = {}), /config: Cmd/],
]

damageSuite(
  'damage around an encrypted image is noticed with the key',
  { driver, privateKeys },
  outside,
)

damageSuite('damage around an encrypted image is noticed without the key', { driver }, outside)

damageSuite(
  'damage to the blobs of an encrypted image is noticed without the key',
  { driver, inClear: keys },
  blobDamage,
)
