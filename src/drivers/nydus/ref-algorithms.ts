/** How a layer that stays where it is is named in superblocks and blob tables. Source: nydus src/bin/nydus-image/main.rs (targz-ref). */
export const REF_ALGORITHMS = { compressor: 'gzip', digester: 'sha256' } as const
