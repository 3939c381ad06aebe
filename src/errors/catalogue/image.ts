import { row } from '../row.ts'

/** Images that cannot, or need not, be converted. */
export const imageErrors = {
  IMAGE_MEDIA_TYPE_UNSUPPORTED: row<{ what: string; mediaType: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what}: media type ${JSON.stringify(c.mediaType)} is not supported`,
    hint: 'Docker schema 1 images must be pulled and pushed once by a current client; other artifacts are not images.',
  }),
  IMAGE_LAYER_ENCRYPTED: row<{ what: string; mediaType: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what} is encrypted: its media type is ${JSON.stringify(c.mediaType)}`,
    hint: 'There is no key to read it with. Decrypt a copy of the image (skopeo copy --decryption-key) and use that.',
  }),
  IMAGE_MANIFEST_INVALID: row<{ what: string; problem: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what} is not a valid manifest, index or image config: ${c.problem}`,
    hint: 'Build and push the image again; the document does not follow the OCI image specification.',
  }),
  IMAGE_PLATFORM_INVALID: row<{ text: string }>({
    status: 400,
    exit: 2,
    retry: 'never',
    text: (c) => `${JSON.stringify(c.text)} is not a platform`,
    hint: 'Write platforms as os/architecture[/variant], separated by commas: linux/amd64,linux/arm64.',
  }),
  IMAGE_LAYER_NOT_CONVERTED: row<{ what: string; reason: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what} cannot be part of the result: ${c.reason}`,
    hint: 'In this format the layers of an image are converted all or none. Use a driver that keeps such layers, as estargz does, or push the image with all its layers in the registry.',
  }),
  IMAGE_VERIFY_FAILED: row<{ what: string; count: number; first: readonly string[] }>({
    status: 500,
    exit: 1,
    retry: 'never',
    text: (c) =>
      `${c.what}: the converted image is not the same as its source in ${c.count} places: ${c.first.join('; ')}`,
    hint: 'Nothing was pushed. This is a defect of the converter: report it with the image. `converter.verify: false` pushes without looking.',
  }),
  IMAGE_DIFF_ID_MISMATCH: row<{ layer: string; want: string; got: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) =>
      `${c.layer}: the uncompressed layer has digest ${c.got}, the image config says ${c.want}`,
    hint: 'The image config does not belong to these layers; build and push the image again.',
  }),
}
