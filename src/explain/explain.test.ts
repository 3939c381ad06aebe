/** What is said of real images: ordinary ones, and what each driver makes of them. */
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { openConversionService } from '../convert/service.ts'
import {
  buildArtifact,
  buildAttestation,
  buildCosignSignature,
  buildHelmChart,
  buildImage,
  buildIndex,
  buildLayer,
  pushBuilt,
  type BuiltImage,
} from '../testing/image-builder.ts'
import type { TestRegistryInit } from '../testing/registry/init.ts'
import { startTestRegistry, type TestRegistry } from '../testing/registry/test-registry.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import type { ImageAccount } from './account.ts'
import { readAccount } from './read-account.ts'
import { tellAccount } from './tell-account.ts'

const layer = (name: string, compression: 'gzip' | 'zstd' | 'none' = 'gzip') =>
  buildLayer(testTar().file(name, name.repeat(2000)).bytes(), { compression })

const arm = { os: 'linux', architecture: 'arm64' }
const image = buildImage({ layers: [layer('base'), layer('top', 'zstd')] })
const other = buildImage({ layers: [layer('other')] })
const index = buildIndex([
  image,
  buildImage({ layers: [layer('base')], platform: arm }),
  buildAttestation(image),
])

/** A registry, a configuration with rules for it, and what both come to. */
class Scene implements AsyncDisposable {
  readonly registry: TestRegistry
  readonly #yaml: string
  readonly #t: TestContext

  constructor(t: TestContext, registry: TestRegistry, yaml: string) {
    this.#t = t
    this.registry = registry
    this.#yaml = yaml
  }

  static async open(
    t: TestContext,
    converter: string,
    init: TestRegistryInit = {},
  ): Promise<Scene> {
    const registry = await startTestRegistry(init)
    const workDir = await temporaryDirectory(t)
    const yaml = `provider: { source: { "${registry.host}": {} }, work_dir: ${workDir} }
converter: { threads: 1, layers: 1, ${converter} }
`
    return new Scene(t, registry, yaml)
  }

  async push(built: BuiltImage, tag = 'v1'): Promise<void> {
    await pushBuilt(built, this.registry.repository('team/app'), { tag })
  }

  async convert(): Promise<void> {
    await using service = await openConversionService(this.#config())
    const source = `${this.registry.host}/team/app:v1`
    await service.convert({ source }, { signal: this.#t.signal, onEvent() {} })
  }

  account(tag: string): Promise<ImageAccount> {
    const config = this.#config()
    const init = { config, registry: { environment: {} }, signal: this.#t.signal }
    return readAccount(`${this.registry.host}/team/app:${tag}`, {}, init)
  }

  /** `topic tone: text -> fix`; the registry is HOST, digests are their beginnings. */
  async explain(tag: string): Promise<string[]> {
    const sentences = tellAccount(await this.account(tag))
    return sentences.map(({ topic, tone, text, fix }) =>
      `${topic} ${tone}: ${text}${fix === undefined ? '' : ` -> ${fix}`}`
        .replaceAll(this.registry.host, 'HOST')
        .replaceAll(/sha256:([0-9a-f]{6})[0-9a-f]{58}/g, 'sha256:$1'),
    )
  }

  #config() {
    return parseConfig(this.#yaml, 'config.yaml').config
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.registry.close()
  }
}

/** The lines of one topic. */
const about = (lines: string[], topic: string): string[] =>
  lines.filter((line) => line.startsWith(`${topic} `)).map((line) => line.slice(topic.length + 1))

const short = ({ descriptor }: BuiltImage): string => descriptor.digest.slice(0, 13)

const estargz = 'driver: { type: estargz }, rules: [{ tag_suffix: -e }]'

suite('an ordinary image', () => {
  test('that nobody has converted: the rules, and the command', async (t) => {
    await using scene = await Scene.open(
      t,
      `driver: { type: estargz }, rules: [
        { tag_suffix: -e },
        { name: release, tag_suffix: -r, when: [{ tag: "2*" }] },
        { name: large, tag_suffix: -l, when: [{ min_size: 1GB }] },
      ]`,
    )
    await scene.push(image)
    await scene.push(buildCosignSignature(image, { subject: true }), 'sig')
    const lines = await scene.explain('v1')
    assert.deepEqual(about(lines, 'image'), [
      `plain: HOST/team/app:v1 (${short(image)}) is an ordinary image for linux/amd64.`,
    ])
    assert.deepEqual(about(lines, 'beside'), [
      'plain: There is no v1-e, as the rule default has it.',
      'plain: There is no v1-r, as the rule release has it.',
      'plain: There is no v1-l, as the rule large has it.',
      'plain: 1 other manifest names it as the subject, such as signatures.',
    ])
    const rules = about(lines, 'rules')
    assert.deepEqual(rules.slice(0, 2), [
      'plain: The rule default applies: it applies to every image.',
      'plain: The rule release does not apply: the tag is v1, not 2*.',
    ])
    assert.match(
      rules[2] ?? '',
      /^plain: The rule large does not apply: its \d+ bytes are not at least 1000000000\.$/,
    )
    assert.match(
      rules[3] ?? '',
      /^warning: It was not converted by the rule default: .* -> accelctl task create HOST\/team\/app:v1, or/,
    )
    assert.deepEqual(about(lines, 'layers'), [
      'plain: 2 layers, none of which can be read lazily: 1 compressed with gzip, without a table of contents and 1 compressed with zstd, without a table of contents.',
    ])
    assert.deepEqual(about(lines, 'clients'), [])
  })

  test('to which no rule applies', async (t) => {
    await using scene = await Scene.open(
      t,
      'driver: { type: estargz }, rules: [{ name: r, tag_suffix: -r, when: [{ tag: x }] }]',
    )
    await scene.push(image)
    const rules = about(await scene.explain('v1'), 'rules')
    assert.match(
      rules.at(-1) ?? '',
      /No rule applies, .* -> accelctl convert --config FILE --to HOST\/team\/app:v1-lazy HOST/,
    )
  })

  test('for which a webhook would be passed over, whatever the rules say', async (t) => {
    await using scene = await Scene.open(t, estargz)
    const tag = `sha256-${'0'.repeat(64)}.sig`
    await scene.push(image, tag)
    const attached = about(await scene.explain(tag), 'rules')
    assert.ok(
      attached.some((line) => line.startsWith('warning: A webhook would lead to nothing: its tag')),
    )
  })

  test('that was converted, and then pushed anew', async (t) => {
    await using scene = await Scene.open(t, estargz)
    await scene.push(image)
    await scene.convert()
    const [current] = about(await scene.explain('v1'), 'beside')
    assert.match(
      current ?? '',
      /^good: Converted from it is v1-e \(sha256:\w{6}\), as the rule default has it, made by the driver estargz and linked to it by subject\.$/,
    )
    await scene.push(other)
    const [outdated] = about(await scene.explain('v1'), 'beside')
    assert.equal(
      outdated,
      `warning: v1-e was made from ${short(image)}, which is not what the tag names now, made by the driver estargz. -> accelctl convert --config FILE --rule default HOST/team/app:v1`,
    )
  })

  test('whose results only referrers name, by the API and by the tag that stands in for it', async (t) => {
    for (const referrers of [true, false]) {
      await using scene = await Scene.open(t, estargz, { referrers })
      await scene.push(image)
      await scene.convert()
      const digest = (await scene.account('v1-e')).digest
      const account = await scene.account('v1')
      assert.equal(account.referrersBy, referrers ? 'api' : 'tag')
      assert.equal(account.variants[0]?.digest, digest)
      assert.equal(account.variants[0]?.linked, true)
    }
  })
})

suite('a converted image', () => {
  test('eStargz of an index: up to date, then not, then without a source', async (t) => {
    await using scene = await Scene.open(t, estargz)
    await scene.push(index)
    await scene.convert()
    const lines = await scene.explain('v1-e')
    assert.match(
      lines[0] ?? '',
      /^image good: .* is a converted image, eStargz for linux\/amd64 and linux\/arm64, an index, with 1 attestation or other member\.$/,
    )
    assert.deepEqual(about(lines, 'source'), [
      `plain: It was made from ${short(index)}, which is there still.`,
      'good: The tag v1 names that image still, so it is up to date.',
    ])
    assert.deepEqual(about(lines, 'layers'), [
      'good: 2 of 2 layers of linux/amd64 are eStargz and can be read lazily.',
      'good: 1 of 1 layer of linux/arm64 is eStargz and can be read lazily.',
    ])
    assert.match(
      about(lines, 'size')[0] ?? '',
      /^plain: It has .*, its source .* larger, all platforms together\.$/,
    )
    assert.match(
      about(lines, 'clients')[0] ?? '',
      /stargz snapshotter reads it lazily\. -> in containerd's/,
    )
    await scene.push(other)
    assert.match(
      about(await scene.explain('v1-e'), 'source')[1] ?? '',
      /^warning: The tag v1 was moved on .* -> accelctl convert --config FILE HOST\/team\/app:v1$/,
    )
  })

  test('with a layer that had to stay as it was', async (t) => {
    await using scene = await Scene.open(t, estargz)
    // a name that the format has for itself
    const kept = buildLayer(testTar().file('stargz.index.json', '{}').bytes())
    await scene.push(buildImage({ layers: [layer('base'), kept, layer('top')] }))
    await scene.convert()
    const account = await scene.account('v1-e')
    const whole = account.images[0]?.layers.filter(({ kind }) => kind === 'ordinary') ?? []
    const lines = about(await scene.explain('v1-e'), 'layers')
    assert.equal(whole.length, 1)
    assert.deepEqual(lines, [
      'plain: 2 of 3 layers are eStargz and can be read lazily.',
      'warning: Layer 2 is pulled as a whole: compressed with gzip, without a table of contents. containerd pulls the layers above it as a whole, too.',
    ])
  })

  const drivers: [string, string, string, RegExp[]][] = [
    [
      'zstd:chunked for both readers',
      'driver: { type: zstdchunked }',
      'zstd:chunked for the stargz snapshotter and containers/storage',
      [/^good: Podman.*enable_partial_images = "true"/, /^good: containerd.*stargz/],
    ],
    [
      'zstd:chunked for Podman alone',
      'driver: { type: zstdchunked, config: { dialect: containers } }',
      'zstd:chunked for containers/storage',
      [/^good: Podman/, /^plain: The stargz snapshotter pulls it as a whole.*dialect: both/],
    ],
    [
      'Nydus',
      'driver: { type: nydus, config: { fs_version: 5, with_referrer: true } }',
      'Nydus with RAFS v5',
      [
        /^good: containerd with the nydus/,
        /enable_referrer_detect = true$/,
        /^warning: No other client/,
      ],
    ],
    [
      'Nydus beside the ordinary image',
      'driver: { type: nydus, config: { merge_manifest: true } }',
      'Nydus with RAFS v6',
      [/^good: containerd with the nydus/, /enable_index_detect = true$/],
    ],
  ]
  for (const [name, converter, format, clients] of drivers) {
    test(name, async (t) => {
      await using scene = await Scene.open(t, `${converter}, rules: [{ tag_suffix: -x }]`)
      await scene.push(image)
      await scene.convert()
      const lines = await scene.explain('v1-x')
      assert.ok(lines[0]?.includes(`is a converted image, ${format} for linux/amd64`), lines[0])
      assert.match(about(lines, 'source')[0] ?? '', new RegExp(`made from ${short(image)}`))
      for (const [i, expected] of clients.entries()) {
        assert.match(about(lines, 'clients')[i] ?? '', expected)
      }
    })
  }

  test('Nydus whose data is in the layers of its source, where they are compressed with gzip', async (t) => {
    await using scene = await Scene.open(
      t,
      'driver: { type: nydus, config: { oci_ref: true } }, rules: [{ tag_suffix: -x }]',
    )
    await scene.push(image)
    await scene.convert()
    const lines = await scene.explain('v1-x')
    assert.deepEqual(about(lines, 'layers'), [
      'good: All of its files can be read lazily: the bootstrap leads to 1 blob of its own and 1 layer of the source, read where it is (oci_ref).',
    ])
    assert.match(
      about(lines, 'size')[0] ?? '',
      /^plain: It adds .* to its source's .*, whose layers hold its data\.$/,
    )
  })

  test('of a registry that sends no parts', async (t) => {
    await using scene = await Scene.open(t, estargz)
    await scene.push(image)
    await scene.convert()
    scene.registry.fault({ on: 'GET blob', then: 'ignore range', times: Infinity })
    const [range] = about(await scene.explain('v1-e'), 'registry')
    assert.match(
      range ?? '',
      /^problem: HOST sends no parts of layers, .* answers 200 with the whole blob\. -> let the/,
    )
  })

  test('of somebody else, which does not say where it comes from', async (t) => {
    await using scene = await Scene.open(t, estargz)
    const annotations = { 'containerd.io/snapshot/stargz/toc.digest': `sha256:${'1'.repeat(64)}` }
    const lazy = buildLayer(testTar().file('f').bytes(), { annotations })
    await scene.push(buildImage({ layers: [lazy] }))
    const lines = await scene.explain('v1')
    assert.equal(lines[1], 'image plain: It does not say which program made it.')
    assert.deepEqual(about(lines, 'source'), ['plain: It does not say what it was made from.'])
  })
})

suite('what is no image', () => {
  const artifacts: [string, BuiltImage, RegExp][] = [
    [
      'a chart',
      buildHelmChart(),
      /is nothing to convert: it is no image but an artifact of type application\/vnd\.cncf\.helm/,
    ],
    ['an index of attestations', buildIndex([buildAttestation(image)]), /the index holds no image/],
    [
      'an artifact with a type of its own',
      buildArtifact({
        config: image.blobs[0]!,
        layers: [],
        artifactType: 'application/vnd.example.thing',
      }),
      /an artifact of type application\/vnd\.example\.thing/,
    ],
  ]
  for (const [name, artifact, expected] of artifacts) {
    test(name, async (t) => {
      await using scene = await Scene.open(t, estargz)
      await scene.push(artifact)
      const lines = await scene.explain('v1')
      assert.match(lines[0] ?? '', expected)
      assert.deepEqual(about(lines, 'rules'), [])
    })
  }

  test('the remote cache of a rule', async (t) => {
    await using scene = await Scene.open(
      t,
      'driver: { type: estargz }, rules: [{ tag_suffix: -e, cache_tag: cache }]',
    )
    await scene.push(index)
    await scene.convert()
    const [line] = await scene.explain('cache')
    assert.match(line ?? '', /is nothing to convert: .*it is a cache of converted layers\.$/)
  })

  test('a tag that is not there', async (t) => {
    await using scene = await Scene.open(t, estargz)
    await assert.rejects(scene.explain('v1'), { code: 'CONTENT_NOT_FOUND' })
  })
})
