/** Converted images against the programs that they are made for. What each check means is in docs/interop.md. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { output } from './command.ts'
import { handmade } from './handmade.ts'
import { type House, openHouse } from './house.ts'
import { bringImages, full, largeImages, noImages, quickImages } from './images.ts'
import { pulledByPodman } from './podman.ts'
import { lacking } from './programs.ts'
import { layersOf, pushImage } from './registry.ts'
import { type Row, writeResults } from './results.ts'
import { differences, type Tree } from './tree.ts'
import { unpackedByUmoci } from './unpacked.ts'

const programs = [
  'docker-registry',
  'skopeo',
  'umoci',
  'podman',
  'getfattr',
  'containerd',
  'ctr-remote',
]
const reason = lacking(...programs)
const laboratoryImages = full ? [...quickImages, ...largeImages] : quickImages

/** What is at the top of an eStargz layer besides its files; ordinary clients show it. */
const reserved = ['stargz.index.json', '.prefetch.landmark', '.no.prefetch.landmark']

function withoutReserved(tree: Tree): Tree {
  return new Map([...tree].filter(([path]) => !reserved.includes(path)))
}

test('CI has what the interop tests need', { skip: process.env.CI === undefined }, () => {
  assert.equal(reason ?? noImages, undefined)
})

suite('eStargz images', { skip: reason }, () => {
  let house: House
  const rows: Row[] = []
  before(async () => {
    house = await openHouse()
    for (const [name, build] of Object.entries(handmade)) {
      await pushImage(house.registry.address, name, build())
    }
    if (noImages === undefined) await bringImages(house.registry.address, laboratoryImages)
  })
  after(async () => {
    writeResults(`estargz-${house.converter.name}`, rows)
    await house[Symbol.asyncDispose]()
  })

  for (const name of [...Object.keys(handmade), ...laboratoryImages]) {
    const skip = name in handmade ? undefined : noImages
    suite(name, { skip }, () => {
      const source = (): string => `${house.registry.address}/${name}:latest`
      let target = ''
      let original: Tree = new Map()
      const row: Row = { image: name }

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
        const size = (of: { size: number }[]): number =>
          of.reduce((sum, layer) => sum + layer.size, 0)
        const ratio = size(layers) / size(await layersOf(source()))
        rows.push(
          Object.assign(row, { layers: layers.length, 'size, of the source': ratio.toFixed(3) }),
        )
      })

      test('is read by skopeo', async () => {
        const inspected = await output('skopeo', [
          'inspect',
          '--tls-verify=false',
          `docker://${target}`,
        ])
        assert.equal((JSON.parse(inspected) as { Os: string }).Os, 'linux')
      })

      test('pulled lazily, holds what the original holds', async (t) => {
        if (!house.needLazy(t)) return
        const pulled = await house.lazy.pull(target)
        assert.deepEqual(pulled.ordinary, [])
        original = await unpackedByUmoci(source())
        const found = differences(original, pulled.tree)
        Object.assign(row, { entries: original.size, lazily: found.join('; ') || 'equal' })
        assert.deepEqual(found, [])
      })

      test('pulled in the ordinary way, holds what the original holds', async () => {
        const before = await pulledByPodman(house.folder('podman'), source())
        const found = differences(
          before,
          withoutReserved(await pulledByPodman(house.folder('podman'), target)),
        )
        Object.assign(row, { 'in the ordinary way': found.join('; ') || 'equal' })
        assert.deepEqual(found, [])
      })
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
