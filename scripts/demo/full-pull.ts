import { parseManifest } from '../../src/oci/manifest.ts'
import type { ImageSource } from '../../src/transport/image-transport.ts'

/** Pulls an image as docker and containerd do before they start anything: every blob, whole, side by side, verified. */
export async function pullWhole(
  source: ImageSource,
  tag: string,
  init: { signal: AbortSignal },
): Promise<void> {
  const descriptor = await source.resolve(tag, init)
  const { config, layers } = parseManifest(await source.manifest(descriptor, init), tag)
  await Promise.all(
    [config, ...layers].map(async (blob) => {
      // every piece is digested on its way; nothing is kept
      for await (const _ of source.blob(blob, init));
    }),
  )
}
