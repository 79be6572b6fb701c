# Both services: `build` has the compiler, the images that run have only the libraries they need.
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY scripts scripts
RUN bash -euc '. scripts/setup.sh; need_packages "${build_packages[@]}"'
COPY . .
RUN bash -euc '. scripts/setup.sh; build release; strip build/release/bin/service-a build/release/bin/service-b'

FROM debian:bookworm-slim AS runtime
RUN apt-get update \
 && apt-get install -y --no-install-recommends libnghttp2-14 libuv1 libssl3 libjansson4 libprotobuf-c1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --no-create-home --shell /usr/sbin/nologin breakwire
USER breakwire

FROM runtime AS service-b
COPY --from=build /src/build/release/bin/service-b /usr/local/bin/
EXPOSE 5001
ENTRYPOINT ["service-b"]

FROM runtime AS service-a
COPY --from=build /src/build/release/bin/service-a /usr/local/bin/
EXPOSE 5000 5002
ENTRYPOINT ["service-a"]
