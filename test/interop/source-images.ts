/** The images that are converted to each format. */
import { handmade } from './handmade.ts'
import { bringImages, full, largeImages, noImages, quickImages } from './images.ts'
import { pushImage } from './registry.ts'

/** Those that come from the laboratory. */
export const laboratoryImages: readonly string[] = full
  ? [...quickImages, ...largeImages]
  : quickImages

/** Those that are built here, and those that come from the laboratory. */
export const sourceImages: readonly string[] = [...Object.keys(handmade), ...laboratoryImages]

/** Why one of them cannot be had, or undefined. */
export function noSourceImage(name: string): string | undefined {
  return laboratoryImages.includes(name) ? noImages : undefined
}

/** Puts all that can be had into `registry` (`HOST:PORT`), each under its own name and `latest`. */
export async function bringSourceImages(registry: string): Promise<void> {
  for (const [name, build] of Object.entries(handmade)) await pushImage(registry, name, build())
  if (noImages === undefined) await bringImages(registry, laboratoryImages)
}
