import { isDigest, type Digest } from './digest.ts'
import { asArray, asObject, invalidDocument, parseObject } from './json-document.ts'

/** An image config, OCI or Docker; only what conversion reads is typed, the rest is kept. Source: OCI image-spec config.md. */
export interface ImageConfig {
  architecture?: string
  os?: string
  variant?: string
  'os.version'?: string
  'os.features'?: string[]
  rootfs: { type: string; diff_ids: Digest[] }
  history?: { empty_layer?: boolean; [member: string]: unknown }[]
  [member: string]: unknown
}

/** Parses an image config. Throws IMAGE_MANIFEST_INVALID; `what` names it in the message. */
export function parseImageConfig(bytes: Uint8Array, what: string): ImageConfig {
  const object = parseObject(bytes, what)
  const rootfs = asObject(object['rootfs'], what, 'rootfs')
  asArray(rootfs['diff_ids'], what, 'rootfs.diff_ids').forEach((diffId, i) => {
    if (!isDigest(diffId)) {
      throw invalidDocument(what, `rootfs.diff_ids[${i}] is not a sha256 digest`)
    }
  })
  return { ...object, rootfs: { ...rootfs, diff_ids: rootfs['diff_ids'] ?? [] } } as ImageConfig
}

/**
 * The config with other diffIDs. The ids of the image that Docker keeps in `config.Image` and
 * `container_config.Image` named the source and are blanked, as containerd's converter does.
 */
export function withDiffIds(config: ImageConfig, diffIds: readonly Digest[]): ImageConfig {
  const result: ImageConfig = { ...config, rootfs: { ...config.rootfs, diff_ids: [...diffIds] } }
  for (const member of ['config', 'container_config']) {
    const inner = result[member]
    if (
      typeof inner === 'object' &&
      inner !== null &&
      isDigest((inner as { Image?: unknown }).Image)
    ) {
      result[member] = { ...inner, Image: '' }
    }
  }
  return result
}
