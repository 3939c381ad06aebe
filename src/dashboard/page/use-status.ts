import { useEffect, useState } from 'preact/hooks'
import type { WireReadiness, WireStatus } from '../../api/contract.ts'
import { useDashboard } from './dashboard-context.ts'

/** Milliseconds between two looks at the service. */
const EVERY_MS = 10_000

/** How the service stands, as far as it has told. */
export interface Status {
  status?: WireStatus
  readiness?: WireReadiness
}

/** Looks at the service from time to time. */
export function useStatus(): Status {
  const { service } = useDashboard()
  const [known, setKnown] = useState<Status>({})
  useEffect(() => {
    const stop = new AbortController()
    // that acceld does not answer is shown by the connection
    const nothing = (): void => undefined
    const look = async (): Promise<void> => {
      const showStatus = async (): Promise<void> => {
        const status = await service.status(stop.signal)
        setKnown((known) => ({ ...known, status }))
      }
      await showStatus().catch(nothing)
      // the service asks the registries for it, which takes as long as they do
      const readiness = await service.readiness(stop.signal)
      setKnown((known) => ({ ...known, readiness }))
      await showStatus()
    }
    void look().catch(nothing)
    const timer = setInterval(() => void look().catch(nothing), EVERY_MS)
    return () => {
      clearInterval(timer)
      stop.abort()
    }
  }, [service])
  return known
}
