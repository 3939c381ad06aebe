import { isConverted, type ImageAccount, type ImageMember } from './account.ts'
import { about, type ImageSentence } from './image-sentence.ts'

/** Which clients read a converted image lazily, and the setting of each without which it does not. */
export function clientSentences(account: ImageAccount): ImageSentence[] {
  if (!isConverted(account)) return []
  const formats = new Set(account.images.map(({ format }) => format))
  return [
    ...(formats.has('estargz') ? estargz() : []),
    ...(formats.has('zstd-chunked') ? zstdChunked(account.images) : []),
    ...(formats.has('nydus') ? nydus(account) : []),
  ]
}

const say = about('clients')

/** containerd must tell a snapshotter where a layer comes from. Source: stargz-snapshotter docs/INSTALL.md; nydus-snapshotter docs. */
function containerd(snapshotter: string): string {
  return `in containerd's config.toml, for its CRI plugin: snapshotter = "${snapshotter}", disable_snapshot_annotations = false`
}

function estargz(): ImageSentence[] {
  return [
    say('good', 'containerd with the stargz snapshotter reads it lazily.', containerd('stargz')),
    say(
      'plain',
      'Podman and CRI-O read it lazily by way of the stargz store alone.',
      'in storage.conf, [storage.options]: additionallayerstores = ["/var/lib/stargz-store/store:ref"]',
    ),
    say('plain', 'Every other client pulls it as the ordinary image that it also is.'),
  ]
}

function zstdChunked(images: readonly ImageMember[]): ImageSentence[] {
  const readers = new Set(
    images.flatMap(({ layers }) => layers.flatMap((one) => one.readers ?? [])),
  )
  const other = (dialect: string): string =>
    `in converter.driver.config: dialect: both, in place of ${dialect}, and convert it again`
  return [
    readers.has('containers')
      ? say(
          'good',
          'Podman, Buildah and CRI-O pull what they lack of it.',
          'in storage.conf, [storage.options.pull_options]: enable_partial_images = "true"',
        )
      : say(
          'plain',
          'Podman, Buildah and CRI-O pull it as a whole: it has the dialect of the stargz snapshotter alone.',
          other('stargz'),
        ),
    readers.has('stargz')
      ? say('good', 'containerd with the stargz snapshotter reads it lazily.', containerd('stargz'))
      : say(
          'plain',
          'The stargz snapshotter pulls it as a whole: it has the dialect of containers/storage alone.',
          other('containers'),
        ),
    say(
      'plain',
      'Other clients pull it as an ordinary image where they know layers compressed with zstd.',
    ),
  ]
}

function nydus({ images, referrersBy }: ImageAccount): ImageSentence[] {
  const merged = images.some(({ format }) => format === 'ordinary')
  const sentences = [
    say('good', 'containerd with the nydus snapshotter reads it lazily.', containerd('nydus')),
  ]
  if (merged) {
    return [
      ...sentences,
      say(
        'plain',
        'It is an index with the ordinary image: every other client takes that, and the nydus snapshotter finds the Nydus image in it.',
        "in the nydus snapshotter's config.toml, [experimental]: enable_index_detect = true",
      ),
    ]
  }
  if (images.some(({ linked }) => linked) && referrersBy === 'api') {
    sentences.push(
      say(
        'plain',
        'Nodes may go on pulling the tag of the source: the snapshotter finds this image as its first referrer.',
        "in the nydus snapshotter's config.toml, [experimental]: enable_referrer_detect = true",
      ),
    )
  }
  return [
    ...sentences,
    say(
      'warning',
      'No other client can run it: its layers are not those of an ordinary image.',
      'pull the tag of the source there, or set merge_manifest: true in converter.driver.config and convert it again',
    ),
  ]
}
