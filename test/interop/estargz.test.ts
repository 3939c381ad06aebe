/** Converted images against the programs that they are made for. What each check means is in docs/interop.md. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { output } from './command.ts'
import type { House } from './house.ts'
import { noImages } from './images.ts'
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

/** What is at the top of an eStargz layer besides its files; ordinary clients show it. */
const reserved = ['stargz.index.json', '.prefetch.landmark', '.no.prefetch.landmark']

function withoutReserved(tree: Tree): Tree {
  return new Map([...tree].filter(([path]) => !reserved.includes(path)))
}

test('CI has what the interop tests need', { skip: process.env.CI === undefined }, () => {
  assert.equal(noLazyImages ?? noImages, undefined)
})

suite('eStargz images', { skip: noLazyImages }, () => {
  let house: House
  const rows: Row[] = []
  before(async () => {
    house = await openLazyHouse()
  })
  after(async () => {
    writeResults(`estargz-${house.converter.name}`, rows)
    await house[Symbol.asyncDispose]()
  })

  for (const name of sourceImages) {
    suite(name, { skip: noSourceImage(name) }, () => {
      const source = (): string => `${house.registry.address}/${name}:latest`
      let target = ''
      const row: Row = { image: name }
      const image = (): LazyImage => ({ source: source(), target, row })

      test('is converted', async () => {
        target = await house.converter.convert(source())
        const layers = await layersOf(target)
        for (const layer of layers) {
          assert.match(layer.mediaType, /\+gzip$/)
          assert.match(
            layer.annotations?.['containerd.io/snapshot/stargz/toc.digest'] ?? '',
            /^sha256:[0-9a-f]{64}$/,
          )
        }
        const size = await ofTheSource(layers, source())
        rows.push(Object.assign(row, { layers: layers.length, 'size, of the source': size }))
      })

      test('is read by skopeo', async () => {
        const inspected = await output('skopeo', [
          'inspect',
          '--tls-verify=false',
          `docker://${target}`,
        ])
        assert.equal((JSON.parse(inspected) as { Os: string }).Os, 'linux')
      })

      test('pulled lazily, holds what the original holds', (t) => isEqualLazily(house, t, image()))

      test('pulled in the ordinary way, holds what the original holds', () =>
        isEqualToPodman(house, image(), { column: 'in the ordinary way', shown: withoutReserved }))
    })
  }

  test('an index holds for its other platform what the original holds', async () => {
    const source = `${house.registry.address}/platforms:latest`
    const converted = await unpackedByUmoci(await house.converter.convert(source), 'arm64')
    const original = await unpackedByUmoci(source, 'arm64')
    assert.equal(original.get('etc/architecture')?.size, 'arm64\n'.length)
    assert.deepEqual(differences(original, withoutReserved(converted)), [])
  })
})
