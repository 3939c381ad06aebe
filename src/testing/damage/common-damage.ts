/** Damage that means the same whatever the format: to the image as a whole, and to the bytes of a blob. */
import type { Damage } from './damage-bench.ts'
import { annotationsOf, replaceBlob, type StoredLayer } from './stored-image.ts'

/** Changes the layer number `number`; its documents follow. */
export function layer(number: number, change: (layer: StoredLayer) => void): Damage {
  return ({ layers }) => change(layers.at(number)!)
}

/** Sets an annotation of a layer, or takes it away. */
export function annotation(number: number, key: string, value: string | undefined): Damage {
  return layer(number, (one) => {
    const annotations = annotationsOf(one)
    if (value === undefined) delete annotations[key]
    else annotations[key] = value
  })
}

/** The blob of a layer with other bytes, of right digest. */
export function blob(number: number, change: (bytes: Buffer) => Uint8Array): Damage {
  return layer(number, (one) => replaceBlob(one, change(Buffer.from(one.bytes))))
}

/** The same, with one bit flipped at `at`, from the end where it is negative. */
export function flipped(number: number, at: number): Damage {
  return blob(number, (bytes) => {
    bytes[at < 0 ? bytes.length + at : at]! ^= 4
    return bytes
  })
}
