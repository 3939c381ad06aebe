import { row } from '../row.ts'

/** Image layouts and archives on the local disk. */
export const layoutErrors = {
  LAYOUT_LOCATION_INVALID: row<{ text: string; problem: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${JSON.stringify(c.text)} names no image on disk: ${c.problem}`,
    hint: 'Write it as oci:PATH[:TAG], oci-archive:PATH[:TAG] or docker-archive:PATH[:REFERENCE]; PATH has no colon.',
  }),
  LAYOUT_UNREADABLE: row<{ path: string; problem: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.path} cannot be read: ${c.problem}`,
    hint: 'Check the path and the permissions; oci: names a directory, oci-archive: and docker-archive: name a file.',
  }),
  LAYOUT_UNWRITABLE: row<{ path: string; problem: string }>({
    status: 500,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.path} cannot be written: ${c.problem}`,
    hint: 'Check the permissions and the space of the directory; a layout is only written into a layout, a new or an empty directory.',
  }),
  LAYOUT_INVALID: row<{ location: string; problem: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.location} is not what it is said to be: ${c.problem}`,
    hint: 'Check that the prefix fits (oci:, oci-archive:, docker-archive:), unpack what is compressed, and write the archive again if it is damaged.',
  }),
  LAYOUT_TAG_NEEDED: row<{ location: string; tags: string[] }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) =>
      c.tags.length === 0
        ? `${c.location} holds several images, none with a tag`
        : `${c.location} holds several images: ${c.tags.join(', ')}`,
    hint: 'Write the tag, or @sha256:… and the digest, behind the path.',
  }),
  LAYOUT_READ_ONLY: row<{ location: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.location}: archives in docker save's form are only read`,
    hint: 'Write to oci-archive:PATH:TAG; podman load, skopeo, ctr, and docker load with containerd’s image store read it.',
  }),
}
