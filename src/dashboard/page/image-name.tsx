/** The name of an image, with the part that tells it from others in front of the eye, and breaks where its parts meet. */
export function ImageName({ name }: { name: string }) {
  const [, host = '', path = '', rest = ''] = /^([^/]*\/)?(.*?)([:@][^/]*)?$/.exec(name) ?? []
  return (
    <>
      <span class="host">{host}</span>
      <wbr />
      {path.split('/').map((part, i) => (
        <>
          {i > 0 && '/'}
          {i > 0 && <wbr />}
          {part}
        </>
      ))}
      <wbr />
      {rest}
    </>
  )
}
