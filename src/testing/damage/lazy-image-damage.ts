/** Damage to what stands around the layers, the same for eStargz and zstd:chunked. */
import { UNCOMPRESSED_SIZE_ANNOTATION } from '../../formats/estargz/layout.ts'
import { digestOf } from '../../oci/digest.ts'
import { OCI_LAYER_TAR } from '../../oci/media-type.ts'
import { annotation, layer } from './common-damage.ts'
import type { DamageCase } from './damage-bench.ts'

const OTHER = digestOf('other')

/** Of a manifest whose layers say the size of their tars. */
export const lazyImageDamage: readonly DamageCase[] = [
  ['the size of the tar', annotation(0, UNCOMPRESSED_SIZE_ANNOTATION, '1'), /uncompressed-size/],
  [
    'no annotations at all',
    layer(0, ({ descriptor }) => void delete descriptor.annotations),
    /sha256:[0-9a-f]{64}: .*not lazy/,
  ],
  [
    'a media type of a layer',
    layer(0, (one) => void (one.descriptor = { ...one.descriptor, mediaType: OCI_LAYER_TAR })),
    /sha256:[0-9a-f]{64}: its media type is .*, its bytes are a tar in (gzip|zstd)/,
  ],
  ['a diffID', layer(0, (one) => void (one.diffId = OTHER)), /its diffID is/],
  ['a layer that is missing', ({ layers }) => void layers.pop(), 'etc/motd: path'],
  ['layers in another order', ({ layers }) => void layers.reverse(), 'etc/gone: path'],
  ['a layer twice', ({ layers }) => void layers.push(layers[0]!), 'etc/gone: path'],
  [
    'a digest in the manifest',
    layer(0, (one) => void (one.descriptor = { ...one.descriptor, digest: OTHER })),
    new RegExp(`blobs/${OTHER.replace(':', '/')} is not in`),
  ],
  [
    'a size in the manifest',
    layer(0, (one) => void (one.descriptor = { ...one.descriptor, size: one.descriptor.size + 1 })),
    /@sha256:[0-9a-f]{64}: read/,
  ],
  [
    'another command',
    ({ config }) => void (config['config'] = { Cmd: ['/bin/sh'] }),
    /config: Cmd is \["\/bin\/sh"\], in the source/,
  ],
  [
    'an environment that is new',
    ({ config }) => void (config['config'] = { Cmd: ['/bin/suid'], Env: ['A=b'] }),
    /config: Env is \["A=b"\], in the source not there/,
  ],
  [
    'another platform',
    ({ config }) => void (config['architecture'] = 'arm64'),
    /config: architecture/,
  ],
  [
    'a subject that is not the source',
    ({ manifest }) =>
      void (manifest.subject = { mediaType: manifest.mediaType!, digest: OTHER, size: 9 }),
    /manifest: its subject is/,
  ],
]
