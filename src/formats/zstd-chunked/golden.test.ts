/** Blobs that the references wrote: every chunk is read, the tar made again, and every damaged byte noticed. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { RollingCuts } from '../estargz/rolling-cuts.ts'
import { openZstdChunked, type ZstdChunked } from './read.ts'
import { rebuildTar } from './rebuild.ts'

const folder = new URL('../../../test/fixtures/zstd-chunked/', import.meta.url)
const TAR = 'sha256:f6bf1fe274962e2cf1d7662eab2aaf69de70f4fbd85bc5f4eff05a0e22a5de34'

const stargz = (toc: string, size: string) => ({
  'containerd.io/snapshot/stargz/toc.digest': `sha256:${toc}`,
  'io.containers.estargz.uncompressed-size': size,
})
const containers = (checksum: string, toc: string, tarSplit: string) => ({
  'io.github.containers.zstd-chunked.manifest-checksum': `sha256:${checksum}`,
  'io.github.containers.zstd-chunked.manifest-position': toc,
  'io.github.containers.zstd-chunked.tarsplit-position': tarSplit,
})
const storage = containers(
  'be9e8cca2651a74cbb77dcd8df4cc0dfed85a2512a810d918d0697d4f651b503',
  '58178:4639:75912:1',
  '62825:2437:65260',
)

interface Golden {
  dialect: ZstdChunked['dialect']
  annotations: Record<string, string>
  /** Of the tar that the tar-split gives. */
  diffId?: string
}

const golden: Record<string, Golden> = {
  'stargz-dialect.zst': {
    dialect: 'stargz',
    annotations: {
      ...stargz('c01850c315d0b9f9d2d7f60e0ea200a237e84fe143d92a99414af529c3face23', '13967872'),
      'io.containers.zstd-chunked.manifest-checksum':
        'sha256:c084b5639ec0697e41bfa95d3c6f4e4b5acc2f4aa3b0d346e931db89191b3eb9',
      'io.containers.zstd-chunked.manifest-position': '33853:1750:10032:1',
    },
  },
  'ctr-remote-0.12.0.zst': {
    dialect: 'stargz',
    annotations: {
      ...stargz('753b4ebea311eec6aca8d7ca3ca319ef4c6c1228c46cf8cf8d1c392120cf5bbb', '13967872'),
      'io.containers.zstd-chunked.manifest-checksum':
        'sha256:f8cb7d9e7a5f724f783f78a7be23a19927b00e3afbb58e2971f87145c6d741b6',
      'io.containers.zstd-chunked.manifest-position': '33846:1745:10032:1',
    },
  },
  'storage-dialect.zst': { dialect: 'containers', annotations: storage, diffId: TAR },
  'union-footerswap.zst': { dialect: 'stargz', annotations: storage, diffId: TAR },
  'union-full.zst': {
    dialect: 'stargz',
    annotations: {
      ...stargz('949bd78a118b3dd7c5942932aa529a804f86bb239b670e7dcc99fe59bcfa7ee6', '13968896'),
      ...containers(
        'c750f13fbca5bcacd6860276efdc9218cec8a74f897becb6b9fc0ca7cb23a373',
        '33867:1792:8779:1',
        '35667:2490:53742',
      ),
    },
    diffId: 'sha256:af0781b7d43f14c9c3a8b9627ed23abecb6f56af66861c70beaaec6062849faa',
  },
}

function open(blob: Uint8Array, annotations?: Record<string, string>): Promise<ZstdChunked> {
  const readAt = async (offset: number, length: number): Promise<Uint8Array> =>
    blob.subarray(offset, offset + length)
  return openZstdChunked(readAt, {
    what: 'golden',
    size: blob.length,
    ...(annotations ? { annotations } : {}),
  })
}

suite('blobs of the references', () => {
  for (const [name, { dialect, annotations, diffId }] of Object.entries(golden)) {
    const blob = readFileSync(new URL(name, folder))

    test(`${name}: every chunk is read, with annotations and without`, async () => {
      for (const said of [annotations, undefined]) {
        const layer = await open(blob, said)
        assert.equal(layer.dialect, dialect)
        assert.equal(layer.entry('/usr/big.txt')?.size, 9 * 1024 * 1024 + 123)
        for (const file of layer.toc.entries.filter((entry) => entry.type === 'reg')) {
          const hash = createHash('sha256')
          let size = 0
          for await (const bytes of layer.readFile(file)) {
            hash.update(bytes)
            size += bytes.length
          }
          assert.equal(size, file.size ?? 0)
          if (size > 0) assert.equal(`sha256:${hash.digest('hex')}`, file.digest)
        }
      }
    })

    test(`${name}: the tar is made again`, { skip: diffId === undefined }, async () => {
      const layer = await open(blob, annotations)
      const hash = createHash('sha256')
      for await (const bytes of rebuildTar(layer, name)) hash.update(bytes)
      assert.equal(`sha256:${hash.digest('hex')}`, diffId)
    })

    test(`${name}: every damaged byte of TOC, tar-split and footer is noticed`, async () => {
      const layer = await open(blob, annotations)
      const damaged = Buffer.from(blob)
      // Of the long ones not each: what precedes the tar-split is parsed every time.
      const step = 1
      for (let at = layer.positions.toc.offset - 8; at < blob.length; at += step) {
        damaged[at]! ^= 1 << (at % 8)
        await assert.rejects(open(damaged, annotations), { name: 'AccelError' }, `byte ${at}`)
        damaged[at] = blob[at]!
      }
    })

    test(`${name}: a blob that was cut is noticed`, async () => {
      for (let size = 0; size < blob.length; size += 97) {
        await assert.rejects(open(blob.subarray(0, size), annotations), { name: 'AccelError' })
      }
    })
  }

  test('chunks cut by content are those of containers/storage', async () => {
    const layer = await open(readFileSync(new URL('storage-dialect.zst', folder)), storage)
    const cuts = new RollingCuts(0, Infinity)
    const ours: [name: string, size: number, kind: string][] = []
    for (const file of layer.toc.entries) {
      if (file.type !== 'reg' || !file.size) continue
      cuts.begin(file.size)
      let size = 0
      for await (const bytes of layer.readFile(file)) {
        cuts.push(bytes)
        for (let piece = cuts.next(); piece !== undefined; piece = cuts.next()) {
          size += piece.bytes.length
          if (piece.ends === undefined) continue
          ours.push([file.name, size, piece.ends])
          size = 0
        }
      }
    }
    const theirs = layer.toc.entries
      .filter(({ type, size = 0 }) => type === 'chunk' || (type === 'reg' && size > 0))
      .map(({ name, size, chunkSize, chunkType }) => [name, chunkSize ?? size, chunkType ?? 'data'])
    assert(theirs.length > 300)
    assert.deepEqual(ours, theirs)
  })

  test('annotations that say another thing are noticed', async () => {
    const blob = readFileSync(new URL('union-full.zst', folder))
    const { annotations } = golden['union-full.zst']!
    for (const [key, value] of Object.entries(annotations)) {
      if (key === 'io.containers.estargz.uncompressed-size') continue
      const other = value.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10))
      await assert.rejects(open(blob, { ...annotations, [key]: other }), { name: 'AccelError' })
    }
  })

  test('the tar that the tar-split gives is the one that was packed', () => {
    const tar = gunzipSync(readFileSync(new URL('input-nodup.tar.gz', folder)))
    assert.equal(`sha256:${createHash('sha256').update(tar).digest('hex')}`, TAR)
  })
})
