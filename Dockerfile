# docker build -t inferbridge .
# docker run -p 8585:8585 -v inferbridge:/data -e INFERBRIDGE_ENCRYPTION_KEY=… inferbridge
FROM node:24-slim AS build
WORKDIR /app
COPY . .
RUN npx --yes pnpm@12.21.0 install --frozen-lockfile \
 && npx pnpm@12.21.0 --filter @inferbridge/server --prod deploy --legacy /out

FROM node:24-slim
ENV NODE_ENV=production INFERBRIDGE_HOST=0.0.0.0 INFERBRIDGE_DATA_DIR=/data
COPY --from=build --chown=node:node /out /app
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8585
HEALTHCHECK --interval=15s CMD ["node", "-e", "fetch('http://127.0.0.1:8585/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/src/cli.ts"]
CMD ["start"]
