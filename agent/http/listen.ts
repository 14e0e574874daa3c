import { ConfigError } from '../config/load.js';
import type { Config } from '../config/schema.js';

type ListenConfig = Pick<Config, 'listen' | 'token' | 'credentialsFile' | 'tlsCert' | 'tlsKey' | 'insecureHttp'>;

export function listenAddress(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}

/** Whether only programs on this machine can reach the address. A name other than localhost may resolve to anything. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Refuses settings that would let the network change this machine unasked, or hear the token.
 * @throws {ConfigError} with the remedy.
 */
export function assertListenIsSafe(config: ListenConfig): void {
  const { listen, token, credentialsFile, tlsCert, tlsKey, insecureHttp } = config;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw unsafe('tlsCert and tlsKey must be given together: a certificate is no use without its key');
  if (isLoopback(listenAddress(listen).host)) return;
  if (token === undefined && credentialsFile === undefined)
    throw unsafe(
      `listen ${listen} is reachable from other machines: set a token (16 characters or more) or a credentialsFile, or listen on 127.0.0.1`,
    );
  if (tlsCert === undefined && !insecureHttp)
    throw unsafe(
      `listen ${listen} would send the token in clear: set tlsCert and tlsKey, or --insecure-http when something else encrypts, or listen on 127.0.0.1`,
    );
}

function unsafe(problem: string): ConfigError {
  return new ConfigError([problem]);
}
