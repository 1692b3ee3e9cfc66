/** For a container's health check: exit 0 when the appliance says that it is well, else 1 with its words on stderr. */
const url = process.env.HOBNAIL_HEALTH_URL ?? 'http://127.0.0.1:8081/api/v1/healthz';

try {
  const response = await fetch(url, { signal: AbortSignal.timeout(4_000) });
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${(await response.text()).slice(0, 500)}`);
} catch (error) {
  console.error(`${url}: ${error instanceof Error ? (error.cause?.message ?? error.message) : error}`);
  process.exitCode = 1;
}
