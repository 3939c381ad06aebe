/** Converted images against the programs that they are made for. What each check means is in docs/interop.md. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { output } from './command.ts'
import { type House, openHouse } from './house.ts'
import { bringImages, full, largeImages, noImages, quickImages } from './images.ts'
import { pulledByPodman } from './podman.ts'
import { lacking } from './programs.ts'
import { layersOf } from './registry.ts'
import { differences, type Tree } from './tree.ts'
import { unpackedByUmoci } from './unpacked.ts'

const names = full ? [...quickImages, ...largeImages] : quickImages
const programs = [
  'docker-registry',
  'skopeo',
  'umoci',
  'podman',
  'getfattr',
  'containerd',
  'ctr-remote',
]
const reason = noImages ?? lacking(...programs)

/** What is at the top of an eStargz layer besides its files; ordinary clients show it. */
const reserved = ['stargz.index.json', '.prefetch.landmark', '.no.prefetch.landmark']

function withoutReserved(tree: Tree): Tree {
  return new Map([...tree].filter(([path]) => !reserved.includes(path)))
}

test('CI has what the interop tests need', { skip: process.env.CI === undefined }, () => {
  assert.equal(reason, undefined)
})

suite('eStargz images', { skip: reason }, () => {
  let house: House
  before(async () => {
    house = await openHouse()
    await bringImages(house.registry.address, names)
  })
  after(() => house?.[Symbol.asyncDispose]())

  for (const name of names) {
    suite(name, () => {
      const source = (): string => `${house.registry.address}/${name}:latest`
      let target = ''

      test('is converted', async () => {
        target = await house.converter.convert(source())
        for (const layer of await layersOf(target)) {
          assert.match(layer.mediaType, /\+gzip$/)
          assert.match(
            layer.annotations?.['containerd.io/snapshot/stargz/toc.digest'] ?? '',
            /^sha256:[0-9a-f]{64}$/,
          )
        }
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
        assert.deepEqual(differences(await unpackedByUmoci(source()), pulled.tree), [])
      })

      test('pulled in the ordinary way, holds what the original holds', async () => {
        const original = await pulledByPodman(house.folder('podman'), source())
        const converted = await pulledByPodman(house.folder('podman'), target)
        assert.deepEqual(differences(original, withoutReserved(converted)), [])
      })
    })
  }

  test('multi, for arm64, holds what the original holds', async () => {
    const source = `${house.registry.address}/multi:latest`
    const converted = await unpackedByUmoci(await house.converter.convert(source), 'arm64')
    const original = await unpackedByUmoci(source, 'arm64')
    assert.equal(original.get('etc/architecture')?.size, 'arm64\n'.length)
    assert.deepEqual(differences(original, withoutReserved(converted)), [])
  })
})
