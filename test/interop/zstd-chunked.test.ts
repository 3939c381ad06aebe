/** zstd:chunked images of the dialect `both` against the programs that read them. What each check means is in docs/interop.md. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { output } from './command.ts'
import { ourConverter, type Converter } from './converter.ts'
import type { House } from './house.ts'
import {
  isEqualLazily,
  isEqualToPodman,
  type LazyImage,
  noLazyImages,
  ofTheSource,
  openLazyHouse,
} from './lazy-images.ts'
import { layersOf } from './registry.ts'
import { type Row, writeResults } from './results.ts'
import { noSourceImage, sourceImages } from './source-images.ts'
import { differences, type Tree } from './tree.ts'
import { unpackedByUmoci } from './unpacked.ts'

const STARGZ = 'containerd.io/snapshot/stargz/toc.digest'
const CONTAINERS = 'io.github.containers.zstd-chunked.manifest-checksum'
const MARK = 'io.github.containers.compression.zstd'

interface Member {
  digest: string
  annotations?: Record<string, string>
  platform?: { architecture: string }
}

/** The amd64 members of the index at `reference`, in their order. */
async function membersOf(reference: string): Promise<Member[]> {
  const inspect = ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`]
  const { manifests } = JSON.parse(await output('skopeo', inspect)) as { manifests: Member[] }
  return manifests.filter(({ platform }) => platform?.architecture === 'amd64')
}

/** Of a layer without any entry the landmark, which only there is written: to ordinary clients it is a file. */
function withoutLandmark(tree: Tree): Tree {
  return new Map([...tree].filter(([path]) => path !== '.no.prefetch.landmark'))
}

suite('zstd:chunked images for both families of readers', { skip: noLazyImages }, () => {
  let house: House
  let converter: Converter
  const rows: Row[] = []
  before(async () => {
    house = await openLazyHouse()
    converter = ourConverter(house.folder('zstd'), house.registry.address, {
      driver: { type: 'zstdchunked', config: { dialect: 'both' } },
      tagSuffix: '-zstd',
    })
  })
  after(async () => {
    writeResults('zstd-chunked', rows)
    await house[Symbol.asyncDispose]()
  })

  for (const name of sourceImages) {
    suite(name, { skip: noSourceImage(name) }, () => {
      const source = (): string => `${house.registry.address}/${name}:latest`
      let target = ''
      let marked = ''
      const row: Row = { image: name }
      const image = (): LazyImage => ({ source: source(), target, row })

      test('is converted to one set of blobs with two manifests', async () => {
        target = await converter.convert(source())
        const [first, second, ...others] = await membersOf(target)
        assert.deepEqual(others, [])
        assert.equal(first!.annotations?.[MARK], undefined)
        assert.equal(second!.annotations?.[MARK], 'true')
        const at = `${house.registry.address}/${name}@`
        marked = `${at}${second!.digest}`
        const [stargz, containers] = [
          await layersOf(`${at}${first!.digest}`),
          await layersOf(marked),
        ]
        assert.deepEqual(
          stargz.map(({ digest }) => digest),
          containers.map(({ digest }) => digest),
        )
        for (const { mediaType, annotations = {} } of stargz) {
          assert.equal(mediaType, 'application/vnd.oci.image.layer.v1.tar+zstd')
          assert(STARGZ in annotations && !(CONTAINERS in annotations))
        }
        assert(!containers.some(({ annotations = {} }) => STARGZ in annotations))
        const size = await ofTheSource(stargz, source())
        const inPart = containers.filter(({ annotations = {} }) => CONTAINERS in annotations).length
        rows.push(
          Object.assign(row, {
            layers: stargz.length,
            'size, of the source': size,
            'layers for containers': inPart,
          }),
        )
      })

      test('pulled lazily by the stargz snapshotter, holds what the original holds', (t) =>
        isEqualLazily(house, t, image()))

      test('pulled by podman in the ordinary way, holds what the original holds', () =>
        isEqualToPodman(house, image(), { column: 'by podman', shown: withoutLandmark }))

      test('the manifest for containers, copied by skopeo and unpacked, holds what the original holds', async () => {
        const original = await unpackedByUmoci(source())
        const found = differences(original, withoutLandmark(await unpackedByUmoci(marked)))
        Object.assign(row, { 'by skopeo and umoci': found.join('; ') || 'equal' })
        assert.deepEqual(found, [])
      })
    })
  }
})
