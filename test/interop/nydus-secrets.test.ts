/** Nydus images that are encrypted, or whose blobs are in S3: what skopeo decrypts and nydusd mounts, against the original. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { check } from '../../src/check/service.ts'
import { parseConfig } from '../../src/config/load.ts'
import { openConversionService } from '../../src/convert/service.ts'
import { silentLog } from '../../src/log/log.ts'
import { createRedaction } from '../../src/log/redaction.ts'
import { type BuiltImage, buildImage, buildLayer } from '../../src/testing/image-builder.ts'
import { testTar } from '../../src/testing/tar-builder.ts'
import { problemLines } from '../../src/verify/report.ts'
import { CommandError, output } from './command.ts'
import { ourConverter } from './converter.ts'
import { checkBootstrap } from './nydus-image.ts'
import { pullBootstrap, writeBootstrap } from './nydus-pull.ts'
import { asNydusdShows, mountNydus } from './nydusd.ts'
import { lacking } from './programs.ts'
import { pushImage, type Registry, startRegistry } from './registry.ts'
import { startS3Server } from './s3-server.ts'
import { differences, readTree, type Tree } from './tree.ts'
import { referenceTree } from './unpacked.ts'

/** Files whose chunks are padded where they are encrypted, are compressed to so little, or end as padding does. */
function sizes(): BuiltImage {
  const lower = testTar().directory('sizes/')
  for (let size = 0; size <= 40; size++) lower.file(`sizes/${size}`, Buffer.alloc(size, size + 65))
  const padding = Buffer.concat([Buffer.alloc(16, 3), Buffer.from([0x78, 0x90])])
  lower.file('sizes/padding', padding).file('sizes/zeros', Buffer.alloc(3_000_000))
  const upper = testTar().file('large', randomBytes(5_000_000)).file('sizes/7', Buffer.from('7'))
  return buildImage({ layers: [buildLayer(lower.bytes()), buildLayer(upper.bytes())] })
}

suite('Nydus images with secrets', { skip: lacking('docker-registry', 'skopeo', 'umoci') }, () => {
  let folder: string
  let registry: Registry
  let source: string
  let original: Tree
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'accel-secrets-'))
    registry = await startRegistry(join(folder, 'registry'))
    source = await pushImage(registry.address, 'sizes', sizes())
    original = await referenceTree('umoci', source)
  })
  after(async () => {
    await registry[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  function convert(name: string, config: Record<string, string>): Promise<string> {
    const driver = { type: 'nydus', config: { fs_version: '6', ...config } }
    return ourConverter(folder, registry.address, { driver, tagSuffix: `-${name}` }).convert(source)
  }

  function scratch(): string {
    return mkdtempSync(join(folder, 'work-'))
  }

  const keys = {
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  }
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 })

  /** The file of a key. */
  function keyFile(key: KeyObject): string {
    const path = join(scratch(), 'key.pem')
    const type = key.type === 'private' ? 'pkcs8' : 'spki'
    writeFileSync(path, key.export({ type, format: 'pem' } as { type: 'spki'; format: 'pem' }))
    return path
  }

  /** The bootstrap layer of an encrypted image, as skopeo decrypts it. */
  async function decrypted(reference: string, key: KeyObject): Promise<Uint8Array> {
    const layout = join(scratch(), 'layout')
    const options = ['--src-tls-verify=false', '--decryption-key', keyFile(key)]
    await output('skopeo', ['copy', ...options, `docker://${reference}`, `oci:${layout}:x`])
    const blob = (digest: string): Buffer =>
      readFileSync(join(layout, 'blobs/sha256', digest.slice('sha256:'.length)))
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
      manifests: { digest: string }[]
    }
    const manifest = JSON.parse(blob(index.manifests[0]!.digest).toString()) as {
      layers: { digest: string; mediaType: string }[]
    }
    const last = manifest.layers.at(-1)!
    assert.equal(last.mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip')
    return blob(last.digest)
  }

  for (const [name, { publicKey, privateKey }] of Object.entries(keys)) {
    test(`encrypted for ${name}: skopeo decrypts the bootstrap, nydusd mounts what it says`, async (t) => {
      const recipients = [publicKey, other.publicKey].map((key) => `jwe:${keyFile(key)}`).join()
      const target = await convert(`encrypted-${name}`, { encrypt_recipients: recipients })
      const work = scratch()
      const bootstrap = writeBootstrap(await decrypted(target, privateKey), work)
      const reason = lacking('nydusd', 'nydus-image')
      if (reason !== undefined) return t.diagnostic(`not mounted: ${reason}`)
      await checkBootstrap(bootstrap)
      const repository = { type: 'registry', host: registry.address, repo: 'sizes' } as const
      await using mounted = await mountNydus(bootstrap, repository, work)
      assert.deepEqual(differences(asNydusdShows(original), await readTree(mounted.mountPoint)), [])
    })
  }

  test('a bootstrap that skopeo encrypted is compared with the key of each recipient', async () => {
    const work = scratch()
    const at = (name: string): string => `oci:${join(work, name)}:x`
    const copy = (from: string, to: string, ...options: string[]): Promise<string> =>
      output('skopeo', ['copy', '-q', '--src-tls-verify=false', ...options, from, to])
    await copy(`docker://${source}`, at('source'))
    const components = { log: silentLog, redaction: createRedaction() }
    const init = { onEvent() {}, onStep() {}, signal: new AbortController().signal }
    const configuration = {
      provider: { work_dir: join(work, 'work') },
      converter: { driver: { type: 'nydus' }, rules: [{ tag_suffix: '-x' }] },
    }
    const { config } = parseConfig(JSON.stringify(configuration), 'config.yaml')
    await using service = await openConversionService(config, components)
    await service.convert({ source: at('source'), target: at('plain') }, init)
    const every = Object.values(keys)
    // skopeo writes one recipient in another form than several
    for (const [i, recipients] of [...every.map((pair) => [pair]), every].entries()) {
      const files = recipients.map(({ publicKey }) => `jwe:${keyFile(publicKey)}`)
      const options = files.flatMap((file) => ['--encryption-key', file])
      // each to a layout of its own: of blobs that are there already skopeo drops the annotations
      const encrypted = at(`encrypted-${i}`)
      await copy(at('plain'), encrypted, '--encrypt-layer', '-1', ...options)
      for (const { privateKey } of recipients) {
        const ends = { source: at('source'), target: encrypted }
        const request = { ...ends, ...init, platforms: [], privateKeys: [privateKey] }
        const { images, passed } = await check(request, components, {})
        assert.deepEqual([images.flatMap(problemLines), passed], [[], true])
      }
    }
  })

  test('who has none of the keys decrypts nothing', async () => {
    const recipient = `jwe:${keyFile(keys.rsa.publicKey)}`
    const target = await convert('encrypted-once', { encrypt_recipients: recipient })
    await assert.rejects(decrypted(target, other.privateKey), CommandError)
  })

  test(
    'in S3: nydusd mounts an image whose blobs we uploaded',
    { skip: lacking('versitygw', 'nydusd') },
    async () => {
      const root = scratch()
      mkdirSync(root, { recursive: true })
      await using server = await startS3Server(root)
      const bucket = {
        endpoint: server.address,
        scheme: 'http',
        region: server.region,
        bucket_name: server.bucket,
        object_prefix: 'nydus/',
        access_key_id: server.account.id,
        access_key_secret: server.account.secret,
      }
      const target = await convert('s3', {
        backend_type: 's3',
        backend_config: JSON.stringify(bucket),
      })
      const work = scratch()
      const { bootstrap, layers } = await pullBootstrap(target, work)
      assert.equal(layers.length, 1)
      await using mounted = await mountNydus(bootstrap, { type: 's3', ...bucket }, work)
      assert.deepEqual(differences(asNydusdShows(original), await readTree(mounted.mountPoint)), [])
    },
  )
})
